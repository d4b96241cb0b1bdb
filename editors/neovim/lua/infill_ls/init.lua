--- infill-ls for Neovim: what maps, commands and `lsp/infill_ls.lua` call.

local accept = require('infill_ls.accept')
local ghost = require('infill_ls.ghost')

local M = {}

local enabled = true

--- What the client can do: our ghost text is an inline completion, and what it replaces may end
--- behind the cursor.
---@return lsp.ClientCapabilities
function M.capabilities()
  return vim.tbl_deep_extend('force', vim.lsp.protocol.make_client_capabilities(), {
    textDocument = { inlineCompletion = { dynamicRegistration = false } },
    experimental = { inlineCompletionReplaces = true },
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
  require('infill_ls.macro').watch()
  require('infill_ls.maps').set(buffer)
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
  ghost.cycle(count or 1)
end

--- Ask now, even where nothing is suggested automatically.
function M.request()
  ghost.request(vim.api.nvim_get_current_buf(), true)
end

--- Take the ghost text away until the cursor moves.
function M.dismiss()
  ghost.dismiss()
end

---@return boolean
function M.is_enabled()
  return enabled
end

--- Switch suggestions on or off, everywhere.
---@param on boolean
function M.enable(on)
  enabled = on
  ghost.dismiss()
  vim.api.nvim_exec_autocmds('User', { pattern = 'InfillStatus', modeline = false })
end

--- A line about the server, for a statusline. Redraw on the autocommand `User InfillStatus`.
---@return string
function M.status()
  return require('infill_ls.status').line()
end

return M
