--- How an instruction looks: what the model says below its place, then what goes and what comes.

local marks = require('infill_ls.marks')

local M = {}

local MOST_LINES = 8 -- of an outline that grows
local namespace = vim.api.nvim_create_namespace('infill_ls.ask')

local function define_highlights()
  marks.define({
    InfillAskOld = { link = 'DiffDelete' },
    InfillAskNew = { link = 'DiffAdd' },
    InfillAskHint = { link = 'Comment' },
  })
end

--- Lines to be shown below a line.
---@param lines string[]
---@param group string
---@return [string, string][][]
local function virtual(lines, group)
  return vim.tbl_map(function(line)
    return { { line ~= '' and line or ' ', group } }
  end, lines)
end

---@param buffer integer
---@param row integer
---@return integer
local function last_row(buffer, row)
  return math.max(math.min(row, vim.api.nvim_buf_line_count(buffer) - 1), 0)
end

--- A mark that moves with the text.
---@param buffer integer
---@param place infill_ls.Place
---@param is_end? boolean what is put in at it is behind it
---@return integer
function M.mark(buffer, place, is_end)
  local row = last_row(buffer, place.row)
  local line = vim.api.nvim_buf_get_lines(buffer, row, row + 1, false)[1] or ''
  local column = place.row > row and #line or math.min(place.column, #line)
  return vim.api.nvim_buf_set_extmark(buffer, namespace, row, column, {
    right_gravity = not is_end,
  })
end

--- Where a mark is now.
---@param buffer integer
---@param mark integer
---@return infill_ls.Place?
function M.place(buffer, mark)
  local found = vim.api.nvim_buf_get_extmark_by_id(buffer, namespace, mark, {})
  return found[1] and { row = found[1], column = found[2] } or nil
end

--- Show what the model says while it writes.
---@param asked infill_ls.Asked
---@param message string
function M.draw_progress(asked, message)
  define_highlights()
  local place = M.place(asked.buffer, asked.to)
  if not place then
    return
  end
  local lines = vim.split(vim.trim(message), '\n', { plain = true })
  lines = vim.list_slice(lines, math.max(#lines - MOST_LINES + 1, 1))
  table.insert(lines, 1, 'infill-ls is writing (Ctrl+] stops it)')
  asked.drawn[1] = vim.api.nvim_buf_set_extmark(asked.buffer, namespace, place.row, 0, {
    id = asked.drawn[1],
    virt_lines = virtual(lines, 'InfillAskHint'),
  })
end

--- The lines that are new, as they would stand there.
---@param change infill_ls.Change
---@param buffer integer
---@return string[]
local function new_lines(change, buffer)
  local from, to = M.place(buffer, change.from), M.place(buffer, change.to)
  if not from or not to then
    return {}
  end
  local first = vim.api.nvim_buf_get_lines(buffer, from.row, from.row + 1, false)[1] or ''
  local last = vim.api.nvim_buf_get_lines(buffer, to.row, to.row + 1, false)[1] or ''
  local before, behind = first:sub(1, from.column), last:sub(to.column + 1)
  local lines = vim.split(before .. change.text .. behind, '\n', { plain = true })
  -- What stands there already, before and behind the new lines.
  if vim.startswith(change.text, '\n') then
    table.remove(lines, 1)
  end
  if change.text:find('\n[ \t]*$') then
    lines[#lines] = nil
  end
  return lines
end

--- Show what goes and what comes, and the keys below.
---@param asked infill_ls.Asked
---@param hint string
function M.draw_changes(asked, hint)
  define_highlights()
  M.undraw(asked)
  for number, change in ipairs(asked.changes) do
    local from, to = M.place(asked.buffer, change.from), M.place(asked.buffer, change.to)
    if from and to then
      if change.old ~= '' then
        asked.drawn[#asked.drawn + 1] =
          vim.api.nvim_buf_set_extmark(asked.buffer, namespace, from.row, from.column, {
            end_row = to.row,
            end_col = to.column,
            hl_group = 'InfillAskOld',
          })
      end
      local lines = virtual(new_lines(change, asked.buffer), 'InfillAskNew')
      if number == #asked.changes then
        lines[#lines + 1] = { { hint, 'InfillAskHint' } }
      end
      asked.drawn[#asked.drawn + 1] =
        vim.api.nvim_buf_set_extmark(asked.buffer, namespace, to.row, 0, { virt_lines = lines })
    end
  end
end

--- Show what would go into another file, below the place.
---@param asked infill_ls.Asked
---@param name string
---@param text string
---@param hint string
function M.draw_file(asked, name, text, hint)
  define_highlights()
  M.undraw(asked)
  local place = M.place(asked.buffer, asked.to)
  if not place then
    return
  end
  local lines = virtual({ name .. ':' }, 'InfillAskHint')
  vim.list_extend(lines, virtual(vim.split(vim.trim(text), '\n', { plain = true }), 'InfillAskNew'))
  lines[#lines + 1] = { { hint, 'InfillAskHint' } }
  asked.drawn[1] =
    vim.api.nvim_buf_set_extmark(asked.buffer, namespace, place.row, 0, { virt_lines = lines })
end

--- Take from the screen what was drawn; the marks stay.
---@param asked infill_ls.Asked
function M.undraw(asked)
  for _, id in ipairs(asked.drawn) do
    vim.api.nvim_buf_del_extmark(asked.buffer, namespace, id)
  end
  asked.drawn = {}
end

---@param buffer integer
function M.clear(buffer)
  marks.clear(namespace, buffer)
end

return M
