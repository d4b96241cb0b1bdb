//! Registers the language server infill-ls with Zed.
//!
//! The server is the program `infill-ls` on the path. Nothing is downloaded, and which program it is
//! comes from no file of the workspace.

use zed_extension_api::{self as zed, settings::LspSettings, LanguageServerId, Result, Worktree};

const PROGRAM: &str = "infill-ls";

struct InfillExtension;

impl zed::Extension for InfillExtension {
    fn new() -> Self {
        Self
    }

    fn language_server_command(
        &mut self,
        _server: &LanguageServerId,
        worktree: &Worktree,
    ) -> Result<zed::Command> {
        let command = worktree.which(PROGRAM).ok_or_else(|| {
            format!("{PROGRAM} is not on the path: in its folder, run `pipx install .`")
        })?;
        Ok(zed::Command {
            command,
            args: vec!["--stdio".to_string()],
            env: worktree.shell_env(),
        })
    }

    /// What the server gets when it asks for its section: `lsp.infill-ls.settings`.
    fn language_server_workspace_configuration(
        &mut self,
        _server: &LanguageServerId,
        worktree: &Worktree,
    ) -> Result<Option<zed::serde_json::Value>> {
        let settings = LspSettings::for_worktree(PROGRAM, worktree)?.settings;
        Ok(settings.map(|own| zed::serde_json::json!({ PROGRAM: own })))
    }
}

zed::register_extension!(InfillExtension);
