--- Tells the server where the cursor rests, if it wants to know: it can read there ahead of the keys.

local ghost = require('infill_ls.ghost')
local rpc = require('infill_ls.rpc')

local M = {}

local REST_MS = 300
local timer = assert(vim.uv.new_timer())

---@param client vim.lsp.Client
---@return boolean
local function wants_to_know(client)
  local experimental = client.server_capabilities and client.server_capabilities.experimental
  return type(experimental) == 'table' and experimental.cursorRests == true
end

---@param client vim.lsp.Client
---@param buffer integer
local function tell(client, buffer)
  -- A suggestion that is typed through has its place computed already.
  if vim.api.nvim_get_current_buf() == buffer and not ghost.is_visible() then
    local params = vim.lsp.util.make_position_params(0, client.offset_encoding)
    rpc.notify(client, 'infill/cursorRests', {
      textDocument = { uri = params.textDocument.uri },
      position = params.position,
    })
  end
end

--- Follow the cursor in a buffer.
---@param client vim.lsp.Client
---@param buffer integer
function M.attach(client, buffer)
  local group = vim.api.nvim_create_augroup('infill_ls.rests.' .. buffer, { clear = true })
  if not wants_to_know(client) then
    return
  end
  local function tell_after(pause_ms)
    return function()
      timer:start(
        pause_ms,
        0,
        vim.schedule_wrap(function()
          tell(client, buffer)
        end)
      )
    end
  end
  local function on(events, callback)
    vim.api.nvim_create_autocmd(events, { group = group, buffer = buffer, callback = callback })
  end
  on({ 'CursorMoved', 'CursorMovedI' }, tell_after(REST_MS))
  on({ 'BufEnter', 'FocusGained' }, tell_after(0))
  tell_after(0)()
end

return M
