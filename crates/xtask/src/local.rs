//! `cargo xtask local`: a stack that runs until it is stopped.

use crate::progress::heading;
use crate::stack::{self, Options, StackFile, StateDir};
use crate::{paths, sam};

pub(crate) async fn up(options: Options) -> anyhow::Result<()> {
    let dir = StateDir::local();
    if let Some(file) = stack::redeploy(&dir).await? {
        describe(&dir, &file);
        return sam::prepare(&dir, &file).await;
    }
    heading("starting the local stack");
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
