--- infill-ls for Neovim: what maps, commands and `lsp/infill_ls.lua` call.

local accept = require('infill_ls.accept')
local ghost = require('infill_ls.ghost')

local M = {}

--- Neovim 0.12 shows ghost text by itself.
local native = vim.lsp.inline_completion
local enabled = true

--- What the client can do. Before 0.12 Neovim does not say that it takes inline completions;
--- with our own ghost text it does.
---@return lsp.ClientCapabilities
function M.capabilities()
  return vim.tbl_deep_extend('force', vim.lsp.protocol.make_client_capabilities(), {
    textDocument = { inlineCompletion = { dynamicRegistration = false } },
  })
end

--- Neovim's ghost text must be switched on for the client (it is, at first) and for the buffer.
---@param client vim.lsp.Client
---@param buffer integer
local function enable_native(client, buffer)
  if native then
    native.enable(true, { client_id = client.id })
    native.enable(true, { bufnr = buffer })
  end
end

---@param client vim.lsp.Client
---@param buffer integer
function M.on_attach(client, buffer)
  if enabled then
    enable_native(client, buffer)
  end
  ghost.attach(buffer, not native)
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

---@param part infill_ls.Part
---@return boolean accepted false if nothing is shown, so that a map can do something else
local function take(part)
  if ghost.accept(part) then
    return true
  end
  if not native then
    return false
  end
  return native.get({
    on_accept = function(item)
      local client = vim.lsp.get_client_by_id(item.client_id)
      if not client or client.name ~= 'infill_ls' or not item.range then
        return item -- of another server: Neovim's business
      end
      -- A plain string: the server sends no snippets.
      local text = item.insert_text --[[@as string]]
      local row, column = item.range:to_extmark()
      ghost.insert({
        buffer = vim.api.nvim_get_current_buf(),
        client_id = item.client_id,
        row = row,
        column = column,
        text = text,
        item = { insertText = text, command = item.command },
      }, part)
    end,
  })
end

function M.accept()
  return take(accept.all)
end

function M.accept_word()
  return take(accept.word)
end

function M.accept_line()
  return take(accept.line)
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
  ghost.hide()
  if native then
    -- Throwing the item away without inserting it is how the built-in module is told.
    native.get({
      on_accept = function() end,
    })
  end
end

---@return boolean
function M.is_enabled()
  return enabled
end

--- Switch suggestions on or off, everywhere.
---@param on boolean
function M.enable(on)
  enabled = on
  for _, client in ipairs(vim.lsp.get_clients({ name = 'infill_ls' })) do
    for buffer in pairs(on and client.attached_buffers or {}) do
      enable_native(client, buffer)
    end
    if native and not on then
      -- Only our client: another server's ghost text is not ours to switch off.
      native.enable(false, { client_id = client.id })
    end
  end
  ghost.hide()
  vim.api.nvim_exec_autocmds('User', { pattern = 'InfillStatus', modeline = false })
end

--- A line about the server, for a statusline. Redraw on the autocommand `User InfillStatus`.
---@return string
function M.status()
  return require('infill_ls.status').line()
end

return M
