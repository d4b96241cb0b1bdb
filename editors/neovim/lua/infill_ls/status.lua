--- What the server last said about itself.

local M = {}

---@type table<integer, infill_ls.Status>
local statuses = {}

---@type table<integer, string[]>
local wrong_settings = {}

---@type table<string, true> what of the settings was told to be wrong
local told_problems = {}

local is_starting = false
local has_crashed = false

local function changed()
  vim.api.nvim_exec_autocmds('User', { pattern = 'InfillStatus', modeline = false })
end

--- A server is being started.
function M.begin()
  is_starting, has_crashed = true, false
end

--- It is being ended, to start again: what it said holds no longer.
---@param client_id integer
function M.forget(client_id)
  statuses[client_id] = nil
  changed()
end

--- It has started.
---@param client_id integer
function M.begun(client_id)
  is_starting = false
  statuses[client_id] = nil
end

--- It has ended.
---@param code integer
---@param signal integer
function M.ended(code, signal)
  is_starting = false
  has_crashed = code ~= 0 or (signal ~= 0 and signal ~= 15)
  vim.schedule(changed)
end

---@param client_id integer
---@param status infill_ls.Status
function M.update(client_id, status)
  statuses[client_id] = status
  changed()
end

--- Tell of settings that are wrong. In one short line: Neovim has the user press a key after a longer message.
---@param client_id integer
---@param told infill_ls.WrongSettings
function M.take_wrong_settings(client_id, told)
  wrong_settings[client_id] = told.problems
  -- The server of another workspace says the same.
  local new = vim.tbl_filter(function(problem)
    return not told_problems[problem]
  end, told.new)
  for _, problem in ipairs(new) do
    told_problems[problem] = true
  end
  local count = #new
  if count > 0 then
    local what = count == 1 and 'a setting is wrong' or count .. ' settings are wrong'
    local text = ('infill-ls: %s, :Infill settings shows more'):format(what)
    vim.notify(text, vim.log.levels.WARN)
  end
end

--- What is wrong with the settings of a server, a sentence for each.
---@param client_id integer
---@return string[]
function M.wrong_settings(client_id)
  return wrong_settings[client_id] or {}
end

--- A line for people, fit for a statusline too.
---@param buffer? integer
---@return string
function M.line(buffer)
  buffer = buffer or vim.api.nvim_get_current_buf()
  local rpc = require('infill_ls.rpc')
  local client = rpc.client(buffer)
  if not client then
    if is_starting then
      return 'infill-ls is starting'
    elseif has_crashed then
      return 'infill-ls has stopped; :Infill restart starts it again'
    elseif rpc.client() then
      return 'infill-ls is not in this buffer'
    end
    return 'infill-ls is not running; :checkhealth infill_ls shows why'
  end
  local why_off = require('infill_ls').why_off(buffer)
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
