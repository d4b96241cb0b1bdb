--- infill-ls for Neovim: what maps, commands and `lsp/infill_ls.lua` call.

local accept = require('infill_ls.accept')
local ask = require('infill_ls.ask')
local ghost = require('infill_ls.ghost')
local next_edit = require('infill_ls.next_edit')

local M = {}

local enabled = true
---@type number? when suggestions are wanted again, in seconds of the system's clock
local paused_until
---@type table<string, true> file types
local off_for = {}
---@type table<string, true> folders
local off_in = {}

--- What the client can do: our ghost text is an inline completion, and what it replaces may end
--- behind the cursor.
---@return lsp.ClientCapabilities
function M.capabilities()
  return vim.tbl_deep_extend('force', vim.lsp.protocol.make_client_capabilities(), {
    textDocument = { inlineCompletion = { dynamicRegistration = false } },
    experimental = { inlineCompletionReplaces = true, suggestionGrows = true, wrongSettings = true },
  })
end

--- Have Neovim's own ghost text, which 0.12 has, leave our client alone: another server's may be
--- shown by it.
---@param client vim.lsp.Client
local function hide_from_native(client)
  if client.server_capabilities then
    client.server_capabilities.inlineCompletionProvider = nil
  end
  local native = vim.lsp.inline_completion
  if native then
    native.enable(false, { client_id = client.id })
  end
end

---@param client vim.lsp.Client
---@param buffer integer
function M.on_attach(client, buffer)
  hide_from_native(client)
  ghost.attach(buffer)
  next_edit.attach(buffer)
  require('infill_ls.rests').attach(client, buffer)
  ask.watch_code_actions()
  require('infill_ls.macro').watch()
end

--- Start the server for every file, on any Neovim. From 0.11 on `vim.lsp.config` and
--- `vim.lsp.enable` do the same; Neovim 0.10 does not have them.
---@param overrides? table what to change of `lsp/infill_ls.lua`
function M.start(overrides)
  if vim.lsp.enable then
    vim.lsp.config('infill_ls', overrides or {})
    vim.lsp.enable('infill_ls')
    return
  end
  local file = vim.api.nvim_get_runtime_file('lsp/infill_ls.lua', false)[1]
  local config = vim.tbl_deep_extend('force', dofile(file), { name = 'infill_ls' }, overrides or {})
  if require('infill_ls.health').warn_if_missing(config.cmd[1]) then
    return
  end
  vim.api.nvim_create_autocmd('FileType', {
    group = vim.api.nvim_create_augroup('infill_ls.start', { clear = true }),
    callback = function(event)
      if vim.bo[event.buf].buftype == '' then
        local root = vim.fs.root(event.buf, config.root_markers)
        local options = vim.tbl_extend('force', config, { root_dir = root })
        ---@cast options vim.lsp.ClientConfig
        vim.lsp.start(options, { bufnr = event.buf })
      end
    end,
  })
end

--- Start the server, which has ended, in all buffers again, as Neovim does when they are opened.
---@return boolean could false if it was never switched on
function M.start_again()
  local group = vim.lsp.enable and 'nvim.lsp.enable' or 'infill_ls.start'
  local is_on = pcall(vim.api.nvim_get_autocmds, { group = group })
  for _, buffer in ipairs(is_on and vim.api.nvim_list_bufs() or {}) do
    if vim.api.nvim_buf_is_loaded(buffer) and vim.bo[buffer].filetype ~= '' then
      vim.api.nvim_exec_autocmds('FileType', { group = group, buffer = buffer, modeline = false })
    end
  end
  return is_on
end

--- Accept what is shown. False if that is nothing, so that a map can do something else.
---@return boolean accepted
function M.accept()
  return ghost.accept(accept.all)
end

---@return boolean accepted
function M.accept_word()
  return ghost.accept(accept.word)
end

---@return boolean accepted
function M.accept_line()
  return ghost.accept(accept.line)
end

--- Show another candidate; asks the server for some if there is only one.
---@param count? integer 1, or -1 for the one before
function M.next(count)
  if ghost.is_visible() or (count or 1) < 0 or not ask.again() then
    ghost.cycle(count or 1)
  end
end

--- Ask now, even where nothing is suggested automatically.
function M.request()
  ghost.request(vim.api.nvim_get_current_buf(), true)
end

--- Take the ghost text away until the cursor moves; without any, what an instruction has brought, or the
--- next edit for good.
function M.dismiss()
  if ghost.is_visible() or not ((ask.is_active() and ask.drop()) or next_edit.dismiss()) then
    ghost.dismiss()
  end
end

--- Have a model carry out an instruction for the lines of a range or for the function at the cursor.
---@param task 'implement'|'rewrite'|'document'|'tests'|'explain'
---@param instruction? string
---@param lines? [integer, integer] from 1
function M.ask(task, instruction, lines)
  ask.command(task, instruction or '', lines)
end

--- Go to the next edit, or make it if the cursor is there. False if none is shown, so that a map can
--- do something else. It happens a moment later, so that an `<expr>` map may call this.
---@return boolean taken
function M.next_edit()
  local is_visible = next_edit.is_visible()
  if is_visible then
    vim.schedule(next_edit.press)
  end
  return is_visible
end

--- The workspace that the server has for a buffer; without one, the current folder.
---@param buffer? integer
---@return string
function M.workspace(buffer)
  local client = require('infill_ls.rpc').client(buffer or vim.api.nvim_get_current_buf())
  return client and client.root_dir or vim.fn.getcwd()
end

--- Why nothing is suggested in a buffer, or nil. Asking explicitly works all the same.
---@param buffer? integer
---@return string?
function M.why_off(buffer)
  local filetype = vim.bo[buffer or 0].filetype
  if not enabled then
    return 'off'
  end
  if paused_until == math.huge then
    return 'paused until Neovim restarts'
  end
  if paused_until then
    return os.date('paused until %H:%M', paused_until) --[[@as string]]
  end
  if off_for[filetype] then
    return ('off for %s'):format(filetype)
  end
  local workspace = next(off_in) and M.workspace(buffer)
  return workspace and off_in[workspace] and 'off in this workspace' or nil
end

---@param buffer? integer
---@return boolean
function M.is_enabled(buffer)
  return M.why_off(buffer) == nil
end

local function changed()
  ghost.dismiss()
  next_edit.hide()
  vim.api.nvim_exec_autocmds('User', { pattern = 'InfillStatus', modeline = false })
end

--- Switch suggestions on or off, everywhere.
---@param on boolean
function M.enable(on)
  enabled = on
  if on then
    paused_until = nil
  end
  changed()
end

--- Whether suggestions are switched off for a file type, whatever else keeps them from coming.
---@param filetype string
---@return boolean
function M.is_filetype_off(filetype)
  return off_for[filetype] ~= nil
end

--- The same for a workspace.
---@param folder string
---@return boolean
function M.is_workspace_off(folder)
  return off_in[folder] ~= nil
end

--- Switch them on or off for a file type, until Neovim ends.
---@param filetype string
---@param on boolean
function M.enable_filetype(filetype, on)
  off_for[filetype] = not on or nil
  changed()
end

--- Switch them on or off for a workspace, until Neovim ends.
---@param folder string
---@param on boolean
function M.enable_workspace(folder, on)
  off_in[folder] = not on or nil
  changed()
end

--- Suggest nothing for some minutes; without a number, until Neovim starts again.
---@param minutes? number
function M.pause(minutes)
  if not minutes then
    paused_until = math.huge
    changed()
    return
  end
  local mine = os.time() + math.floor(minutes * 60)
  paused_until = mine
  changed()
  vim.defer_fn(function()
    if paused_until == mine then
      M.resume()
    end
  end, math.floor(minutes * 60000))
end

function M.resume()
  paused_until = nil
  changed()
end

--- A line about the server, for a statusline. Redraw on the autocommand `User InfillStatus`.
---@return string
function M.status()
  return require('infill_ls.status').line()
end

return M
