//! `cargo xtask local`: a stack that stays until it is told to go.

use crate::cli::Up;
use crate::progress::heading;
use crate::stack::{self, Options, StackFile, StateDir};
use crate::{paths, sam};

pub(crate) async fn up(arguments: Up) -> anyhow::Result<()> {
    let dir = StateDir::local();
    if let Some(file) = stack::redeploy(&dir).await? {
        describe(&dir, &file);
        return sam::prepare(&dir, &file).await;
    }
    heading("starting the local stack");
    let options = Options { database_url: arguments.database_url, llm: arguments.llm, llm_model: arguments.llm_model };
    let stack = stack::up(&dir, &options).await?;
    describe(stack.dir(), stack.file());
    sam::prepare(stack.dir(), stack.file()).await?;
    stack.keep()
}

pub(crate) fn down() {
    let existed = stack::down(&StateDir::local());
    sam::forget();
    heading(if existed { "the local stack is stopped" } else { "no local stack is running" });
}

fn describe(dir: &StateDir, file: &StackFile) {
    heading(&format!("  notifications  {}/v1/sessions/completed", file.api_url));
    heading(&format!("  database       {}", file.database_url));
    heading(&format!("  AWS            {}", file.ministack_url));
    heading(&format!("  everything     {}", paths::shown(&dir.stack_file())));
    heading(&format!("  logs           {}", paths::shown(&dir.log("*"))));
}
