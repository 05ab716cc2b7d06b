//! `cargo xtask local`: a stack that runs until it is stopped.

use crate::stack::{self, Llm, StackFile, StateDir};
use crate::{paths, sam};

pub(crate) async fn up(llm: Llm) -> anyhow::Result<()> {
    let dir = StateDir::local();
    if let Some(file) = stack::redeploy(&dir).await? {
        return describe(&dir, &file).await;
    }
    println!("starting the local stack");
    let stack = stack::up(dir, &llm).await?;
    describe(&stack.owned.dir, &stack.file).await?;
    stack.owned.keep()
}

pub(crate) fn down() {
    let existed = stack::down(&StateDir::local());
    sam::forget();
    println!("{}", if existed { "the local stack is stopped" } else { "no local stack is running" });
}

async fn describe(dir: &StateDir, file: &StackFile) -> anyhow::Result<()> {
    println!("  notifications  {}/v1/sessions/completed", file.api_url);
    println!("  database       {}", file.database_url);
    println!("  AWS            {}", file.ministack_url);
    println!("  everything     {}", paths::shown(&dir.stack_file()));
    println!("  logs           {}", paths::shown(&dir.log("*")));
    sam::prepare(dir, file).await
}
