--- What the server last said about itself.

local M = {}

---@type table<integer, infill_ls.Status>
local statuses = {}

---@param client_id integer
---@param status infill_ls.Status
function M.update(client_id, status)
  statuses[client_id] = status
  vim.api.nvim_exec_autocmds('User', { pattern = 'InfillStatus', modeline = false })
end

--- A line for people, fit for a statusline too.
---@return string
function M.line()
  local client = require('infill_ls.rpc').client()
  if not client then
    return 'infill-ls is not running; :checkhealth infill_ls shows why'
  end
  local why_off = require('infill_ls').why_off()
  if why_off then
    return 'infill-ls is ' .. why_off
  end
  local status = statuses[client.id]
  if not status then
    return 'infill-ls is starting'
  end
  local percent = type(status.percent) == 'number' and (' %d %%'):format(status.percent) or ''
  return ('infill-ls: %s%s, %d files indexed'):format(status.message, percent, status.indexedFiles)
end

return M
