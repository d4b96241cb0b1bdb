--- The suggested maps. A key that is mapped already keeps its meaning.

local M = {}

---@class infill_ls.Map
---@field lhs string
---@field modes? string[] Insert mode, if nothing is said
---@field is_for_all? boolean also where no server is
---@field desc string
---@field call? fun(infill: table)
---@field part? 'all'|'word'|'line' what to accept; if nothing is shown, the key does what it does without us

---@type infill_ls.Map[]
local maps = {
  {
    lhs = '<Tab>',
    desc = 'accept the suggestion',
    part = 'all',
  },
  {
    lhs = '<M-Right>',
    desc = 'accept a word of the suggestion',
    part = 'word',
  },
  {
    lhs = '<M-C-Right>',
    desc = 'accept a line of the suggestion',
    part = 'line',
  },
  {
    lhs = '<M-]>',
    desc = 'next suggestion',
    call = function(infill)
      infill.next(1)
    end,
  },
  {
    lhs = '<M-[>',
    desc = 'previous suggestion',
    call = function(infill)
      infill.next(-1)
    end,
  },
  {
    lhs = '<M-\\>',
    desc = 'suggest now',
    call = function(infill)
      infill.request()
    end,
  },
  {
    lhs = '<M-|>',
    modes = { 'i', 'n' },
    is_for_all = true,
    desc = 'switch suggestions off or on',
    call = function()
      require('infill_ls.commands').run('toggle')
    end,
  },
  {
    lhs = '<C-]>',
    desc = 'dismiss the suggestion',
    call = function(infill)
      infill.dismiss()
    end,
  },
}

--- What these keys do in Normal mode while an instruction is carried out or its result is shown. In Insert
--- mode the maps above serve both.
local asks = {
  { lhs = '<Tab>', call = 'take', desc = 'apply the result' },
  { lhs = '<M-]>', call = 'again', desc = 'ask again' },
  { lhs = '<C-]>', call = 'drop', desc = 'discard the result' },
}

--- The keys that were not taken when the maps were set.
---@type table<string, true>
local were_set = {}

--- The buffer in which <Tab> is mapped in Normal mode.
---@type integer?
local next_edit_buffer
local PRESS = '<Cmd>lua require("infill_ls.next_edit").press()<CR>'

--- Whether a user or another plugin has mapped a key. Neovim itself maps <Tab> since 0.11, to
--- jump in a snippet.
---@param lhs string
---@param mode string
---@return boolean
local function is_taken(lhs, mode)
  local map = vim.fn.maparg(lhs, mode, false, true)
  return not vim.tbl_isempty(map) and not (map.desc or ''):find('vim.snippet.jump', 1, true)
end

--- What a key does without us.
---@param lhs string
---@return string
local function default_of(lhs)
  if lhs == '<Tab>' and vim.snippet and vim.snippet.active({ direction = 1 }) then
    return '<Cmd>lua vim.snippet.jump(1)<CR>'
  end
  return lhs
end

--- Accept by the map with this number. If an answer has taken the suggestion away in this very
--- moment, the key does what it does without us.
---@param index integer
function M.accept(index)
  local map = assert(maps[index])
  if not require('infill_ls.ghost').insert(require('infill_ls.accept')[map.part]) then
    local keys = vim.api.nvim_replace_termcodes(default_of(map.lhs), true, false, true)
    vim.api.nvim_feedkeys(keys, 'in', false)
  end
end

---@param mode string
---@param index integer
local function set(mode, index)
  local map = assert(maps[index])
  vim.keymap.set(mode, map.lhs, function()
    local is_here = map.is_for_all
      or require('infill_ls.rpc').client(vim.api.nvim_get_current_buf())
    if not is_here or vim.g.infill_ls_maps == false then
      return default_of(map.lhs)
    end
    if map.call then
      map.call(require('infill_ls'))
      return ''
    end
    if not require('infill_ls.ghost').is_visible() then
      if map.part == 'all' and require('infill_ls.ask').is_visible() then
        return '<Cmd>lua require("infill_ls.ask").take()<CR>'
      end
      local is_edit = map.part == 'all' and require('infill_ls.next_edit').is_visible()
      return is_edit and PRESS or default_of(map.lhs)
    end
    -- At once, and not when Neovim has time: the next key may be there already.
    return ('<Cmd>lua require("infill_ls.maps").accept(%d)<CR>'):format(index)
  end, { expr = true, desc = 'infill-ls: ' .. map.desc })
end

--- Set the maps of Insert mode, unless `vim.g.infill_ls_maps` is false. They hold in all buffers, and are set before
--- anything is typed: nvim-cmp and blink.cmp map their keys at the first InsertEnter, when the server may not have
--- started yet, and fall back to what is mapped then.
function M.set()
  if vim.g.infill_ls_maps == false then
    return
  end
  for index, map in ipairs(maps) do
    for _, mode in ipairs(map.modes or { 'i' }) do
      if not is_taken(map.lhs, mode) then
        set(mode, index)
        were_set[map.lhs] = true
      end
    end
  end
end

--- Whether a key of Insert mode comes to us in a buffer: it is ours, or that of a menu that falls back to us.
---@param lhs string
---@param buffer integer
---@return boolean
function M.reaches_us(lhs, buffer)
  local map = vim.api.nvim_buf_call(buffer, function()
    return vim.fn.maparg(lhs, 'i', false, true)
  end)
  local desc = map.desc or ''
  local is_menu = desc == 'cmp.utils.keymap.set_map' or desc == 'blink.cmp'
  return vim.startswith(desc, 'infill-ls') or (is_menu and were_set[lhs] ~= nil)
end

--- Map <Tab> in Normal mode while a next edit is shown, unless it is mapped to something else. In
--- Insert mode the map for ghost text serves both.
---@param buffer integer
---@param on boolean
function M.set_next_edit(buffer, on)
  if not on then
    if next_edit_buffer == buffer then
      next_edit_buffer = nil
      pcall(vim.keymap.del, 'n', '<Tab>', { buffer = buffer })
    end
  elseif vim.g.infill_ls_maps ~= false and not is_taken('<Tab>', 'n') then
    next_edit_buffer = buffer
    local desc = 'infill-ls: go to the next edit, then apply it'
    vim.keymap.set('n', '<Tab>', PRESS, { buffer = buffer, desc = desc })
  end
end

--- Map the keys of an instruction in Normal mode, those that are not mapped to something else.
---@param buffer integer
---@param on boolean
function M.set_ask(buffer, on)
  for _, map in ipairs(asks) do
    local desc = 'infill-ls: ' .. map.desc
    local mine = vim.fn.maparg(map.lhs, 'n', false, true).desc == desc
    if not on and mine then
      pcall(vim.keymap.del, 'n', map.lhs, { buffer = buffer })
    elseif on and not mine and vim.g.infill_ls_maps ~= false and not is_taken(map.lhs, 'n') then
      local run = ('<Cmd>lua require("infill_ls.ask").%s()<CR>'):format(map.call)
      vim.keymap.set('n', map.lhs, run, { buffer = buffer, desc = desc })
    end
  end
end

return M
