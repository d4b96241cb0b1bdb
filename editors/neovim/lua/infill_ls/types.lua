---@meta
--- Types only; nothing loads this file.

--- What the server says about itself, by the notification `didChangeStatus`.
---@class infill_ls.WrongSettings
---@field problems string[] all that is wrong
---@field new string[] what of it was not told before

---@class infill_ls.Status
---@field busy boolean something runs that takes a while: loading, indexing
---@field kind 'Normal'|'Warning'|'Error'|'Inactive'
---@field message string
---@field percent? number how much of the model is loaded, while it is
---@field indexedFiles integer

--- The answer to `infill/explain`, as far as it is used here.
---@class infill_ls.Report
---@field markdown string

---@class infill_ls.Item
---@field insertText string
---@field range? lsp.Range
---@field command? lsp.Command counts the acceptance

--- A suggestion in a buffer. Row and column count from 0, in bytes.
---@class infill_ls.Suggestion
---@field buffer integer
---@field client_id integer
---@field row integer where `text` begins
---@field column integer
---@field text string the whole suggestion, with what is typed of it already
---@field behind string what it leaves alone of the cursor's line, right of the cursor
---@field item infill_ls.Item as the server sent it, sent back when a part is accepted

--- What of a suggestion is still to come.
---@class infill_ls.Left
---@field rest string the text
---@field closers string what right of the cursor it takes the place of
---@field places integer[] where each character of `closers` stands in `rest`

--- How much of a suggestion to accept: takes the rest of it and returns what to insert.
---@alias infill_ls.Part fun(rest: string): string

--- Row and column count from 0, in bytes.
---@class infill_ls.Place
---@field row integer
---@field column integer

--- What has to change elsewhere in a buffer: `old` stands between `from` and `to`.
---@class infill_ls.NextEdit
---@field buffer integer
---@field client vim.lsp.Client
---@field tick integer the state of the buffer's text in which it stands there
---@field from infill_ls.Place
---@field to infill_ls.Place
---@field old string
---@field text string what is to stand there
---@field range lsp.Range as the server counts
---@field command? lsp.Command counts the acceptance
---@field is_told? boolean the server knows that it was seen

--- A change that an instruction has brought, by marks that move with the text.
---@class infill_ls.Change
---@field from integer mark
---@field to integer mark
---@field old string what stood there
---@field text string what is to stand there

--- What an edit of the server's changes in one document.
---@class infill_ls.DocumentEdits
---@field textDocument { uri: string, version?: integer }
---@field edits lsp.TextEdit[]

--- An instruction that is carried out, or whose result is shown.
---@class infill_ls.Asked
---@field buffer integer
---@field client vim.lsp.Client
---@field task string
---@field instruction string
---@field from integer mark where it begins
---@field to integer mark where it ends
---@field attempt integer how often it was asked for before
---@field token string of its progress
---@field id? integer of the request, while the model writes
---@field drawn integer[] marks of what is on the screen
---@field changes infill_ls.Change[]
---@field elsewhere? lsp.WorkspaceEdit what is to be made in another file
---@field old? string[] what that replaces there
