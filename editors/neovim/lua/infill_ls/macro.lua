--- Accepted text in macros.
---
--- A macro holds the key that accepted, and when it is played nothing is suggested, or something
--- else. So that key is replaced by keys that insert what was accepted then.

local M = {}

--- What was typed since the recording began, a key each, as it will be in the register.
---@type string[]?
local typed
---@type table<integer, string> what to have instead of a key, by its index in `typed`
local instead = {}
local namespace = vim.api.nvim_create_namespace('infill_ls.macro')

--- A string of Vim's expressions, in ASCII.
---@param text string
---@return string
local function quoted(text)
  local escaped = text:gsub('[%c"\\\128-\255]+', function(run)
    local codes = {}
    for _, code in ipairs(vim.fn.str2list(run)) do
      codes[#codes + 1] = ('\\U%08x'):format(code)
    end
    return table.concat(codes)
  end)
  return '"' .. escaped .. '"'
end

--- A part of a suggestion was accepted by the last key.
---@param taken string
---@param replaced integer characters right of the cursor that it takes the place of
function M.note(taken, replaced)
  if not typed or #typed == 0 then
    return
  end
  local keys = ('<Del>'):rep(replaced) .. '<C-r><C-o>='
  local expression = quoted(taken) .. '\r'
  instead[#typed] = vim.api.nvim_replace_termcodes(keys, true, false, true) .. expression
end

local function begin()
  typed, instead = {}, {}
  vim.on_key(function(_, key)
    if typed and key and key ~= '' then
      typed[#typed + 1] = key
    end
  end, namespace)
end

--- Replace the keys in the register, once Neovim has written it.
---@param name string
---@param contents string
local function finish(name, contents)
  vim.on_key(nil, namespace)
  local keys, replacements = typed or {}, instead
  typed, instead = nil, {}
  if not next(replacements) or not vim.startswith(table.concat(keys), contents) then
    return
  end
  local replaced, length = {}, 0
  for index, key in ipairs(keys) do
    length = length + #key
    if length > #contents then
      break -- the key that ends the recording
    end
    replaced[index] = replacements[index] or key
  end
  vim.schedule(function()
    local register = name:lower()
    local before = vim.fn.getreg(register) --[[@as string]]
    if vim.endswith(before, contents) then
      local start = before:sub(1, #before - #contents)
      vim.fn.setreg(register, start .. table.concat(replaced), 'c')
    end
  end)
end

--- Follow what is recorded from now on.
function M.watch()
  local group = vim.api.nvim_create_augroup('infill_ls.macro', { clear = true })
  vim.api.nvim_create_autocmd('RecordingEnter', { group = group, callback = begin })
  vim.api.nvim_create_autocmd('RecordingLeave', {
    group = group,
    callback = function()
      local event = vim.v.event
      finish(event.regname or '', event.regcontents --[[@as string]])
    end,
  })
end

return M
