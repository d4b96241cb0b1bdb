--- One request at a time, which may wait for a pause first. A newer one takes the place of the one before.

local rpc = require('infill_ls.rpc')

---@class infill_ls.Waiting
---@field private timer uv.uv_timer_t
---@field private is_due boolean A pause is waited for.
---@field private pending? { client: vim.lsp.Client, id: integer }
local Waiting = {}
Waiting.__index = Waiting

local M = {}

---@return infill_ls.Waiting
function M.new()
  return setmetatable({ timer = assert(vim.uv.new_timer()), is_due = false }, Waiting)
end

--- Give up what is waited for: the pause, and the answer.
function Waiting:stop()
  self.timer:stop()
  self.is_due = false
  local pending = self.pending
  if pending then
    self.pending = nil
    rpc.cancel(pending.client, pending.id)
  end
end

--- Do something after a pause.
---@param pause_ms integer
---@param run fun()
function Waiting:after(pause_ms, run)
  self:stop()
  self.is_due = true
  self.timer:start(
    pause_ms,
    0,
    vim.schedule_wrap(function()
      self.is_due = false
      run()
    end)
  )
end

--- Whether a pause or an answer is waited for.
---@return boolean
function Waiting:is_on()
  return self.is_due or self.pending ~= nil
end

--- Send a request. Its answer is handed on unless something newer was asked meanwhile.
---@param client vim.lsp.Client
---@param method string
---@param params table
---@param answer fun(result: any)
---@param buffer integer
function Waiting:send(client, method, params, answer, buffer)
  self:stop()
  local mine ---@type integer?
  mine = rpc.request(client, method, params, function(_, result)
    if self.pending and self.pending.id == mine then
      self.pending = nil
      answer(result)
    end
  end, buffer)
  self.pending = mine and { client = client, id = mine } or nil
end

return M
