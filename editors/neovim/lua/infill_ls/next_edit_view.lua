--- How a next edit looks: drawn where it belongs, or as a hint at the cursor if that is out of sight.

local marks = require('infill_ls.marks')

local M = {}

local MOST_COLUMNS = 30 -- of the old and of the new text in a hint
local namespace = vim.api.nvim_create_namespace('infill_ls.next_edit')

local function define_highlights()
  marks.define({
    InfillNextEditOld = { link = 'DiffDelete' },
    InfillNextEditStruck = { strikethrough = true },
    InfillNextEditNew = { link = 'DiffAdd' },
    InfillNextEditHint = { link = 'NonText' },
  })
end

--- The first and the last line that an edit touches, from 0.
---@param edit infill_ls.NextEdit
---@return integer, integer
function M.rows(edit)
  local last = vim.api.nvim_buf_line_count(edit.buffer) - 1
  local to = edit.to.row
  if edit.to.column == 0 and to > edit.from.row then
    to = to - 1
  end
  return math.min(edit.from.row, last), math.min(to, last)
end

--- Whether an edit is in the current window.
---@param edit infill_ls.NextEdit
---@return boolean
function M.is_in_sight(edit)
  local first, last = M.rows(edit)
  return first + 1 <= vim.fn.line('w$')
    and last + 1 >= vim.fn.line('w0')
    and vim.fn.foldclosed(first + 1) == -1
end

---@param text string
---@return string
local function abridged(text)
  local line = vim.trim((text:gsub('%s+', ' ')))
  if vim.fn.strdisplaywidth(line) <= MOST_COLUMNS then
    return line
  end
  return vim.fn.strcharpart(line, 0, MOST_COLUMNS) .. '…'
end

--- Say at the cursor where the edit is and what it does.
---@param edit infill_ls.NextEdit
local function draw_hint(edit)
  local first = M.rows(edit)
  local row = vim.api.nvim_win_get_cursor(0)[1] - 1
  local pieces =
    { { (' %s %d: '):format(first < row and '↑' or '↓', first + 1), 'InfillNextEditHint' } }
  local old, new = abridged(edit.old), abridged(edit.text)
  if old ~= '' then
    pieces[#pieces + 1] = { old, 'InfillNextEditOld' }
  end
  if old ~= '' and new ~= '' then
    pieces[#pieces + 1] = { ' → ', 'InfillNextEditHint' }
  end
  if new ~= '' then
    pieces[#pieces + 1] = { new, 'InfillNextEditNew' }
  end
  vim.api.nvim_buf_set_extmark(edit.buffer, namespace, row, 0, {
    virt_text = pieces,
    virt_text_pos = 'eol',
    hl_mode = 'combine',
  })
end

--- Strike what goes.
---@param edit infill_ls.NextEdit
---@param row integer where the edit ends, in the buffer
---@param column integer
local function draw_old(edit, row, column)
  for _, group in ipairs({ 'InfillNextEditOld', 'InfillNextEditStruck' }) do
    vim.api.nvim_buf_set_extmark(edit.buffer, namespace, edit.from.row, edit.from.column, {
      end_row = row,
      end_col = column,
      hl_group = group,
      hl_mode = 'combine',
    })
  end
end

--- Show what comes: whole lines between the lines, all else behind what goes.
---@param edit infill_ls.NextEdit
---@param row integer where the edit ends, in the buffer
---@param column integer
---@param is_last boolean the edit ends behind the last line
local function draw_new(edit, row, column, is_last)
  local lines = vim.split(edit.text, '\n', { plain = true })
  local are_whole = edit.from.column == 0 and lines[#lines] == '' and #lines > 1
  if are_whole then
    lines[#lines] = nil
  end
  local first = not are_whole and table.remove(lines, 1) or nil
  local below = vim.tbl_map(function(line)
    return { { line ~= '' and line or ' ', 'InfillNextEditNew' } }
  end, lines)
  local is_above = are_whole and not is_last
  vim.api.nvim_buf_set_extmark(edit.buffer, namespace, row, column, {
    virt_text = first and { { first, 'InfillNextEditNew' } } or nil,
    virt_text_pos = first and 'inline' or nil,
    virt_lines = #below > 0 and below or nil,
    virt_lines_above = is_above,
    hl_mode = 'replace', -- not to be struck as well
  })
  if is_above and row == 0 and vim.fn.line('w0') == 1 then
    -- Above the first line Neovim shows nothing unless it is scrolled there.
    vim.fn.winrestview({ topfill = #below })
  end
end

---@param edit infill_ls.NextEdit
function M.draw(edit)
  M.clear(edit.buffer)
  define_highlights()
  if not M.is_in_sight(edit) then
    draw_hint(edit)
    return
  end
  local row, column = edit.to.row, edit.to.column
  local count = vim.api.nvim_buf_line_count(edit.buffer)
  local is_last = row >= count
  if is_last then
    row = count - 1
    column = #vim.api.nvim_buf_get_lines(edit.buffer, row, row + 1, false)[1]
  end
  if edit.old ~= '' then
    draw_old(edit, row, column)
  end
  if edit.text ~= '' then
    draw_new(edit, row, column, is_last)
  end
end

---@param buffer integer
function M.clear(buffer)
  marks.clear(namespace, buffer)
end

return M
