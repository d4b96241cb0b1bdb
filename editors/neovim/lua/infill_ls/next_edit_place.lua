--- The place of a next edit in its buffer: what stands there, and what is written there.

local rpc = require('infill_ls.rpc')

local M = {}

---@param buffer integer
---@param from infill_ls.Place
---@param to infill_ls.Place
---@return string
local function text_between(buffer, from, to)
  local lines = vim.api.nvim_buf_get_lines(buffer, from.row, to.row + 1, false)
  if #lines == 0 then
    return ''
  elseif #lines == to.row - from.row + 1 then
    lines[#lines] = lines[#lines]:sub(1, to.column)
  else
    lines[#lines + 1] = '' -- it ends behind the last line
  end
  lines[1] = assert(lines[1]):sub(from.column + 1)
  return table.concat(lines, '\n')
end

--- Whether the text is still as it was when the server answered.
---@param edit infill_ls.NextEdit
---@return boolean
function M.stands(edit)
  return vim.api.nvim_buf_is_loaded(edit.buffer)
    and vim.api.nvim_buf_get_changedtick(edit.buffer) == edit.tick
    and text_between(edit.buffer, edit.from, edit.to) == edit.old
end

--- The edit of an answer, as the text is now.
---@param client vim.lsp.Client
---@param buffer integer
---@param answer { text: string, range: lsp.Range, command?: lsp.Command }
---@return infill_ls.NextEdit
function M.received(client, buffer, answer)
  local function place(position)
    local line = vim.api.nvim_buf_get_lines(buffer, position.line, position.line + 1, false)[1]
    local column = rpc.byte_column(line or '', position.character, client.offset_encoding)
    return { row = position.line, column = column }
  end
  local from, to = place(answer.range.start), place(answer.range['end'])
  return {
    buffer = buffer,
    client = client,
    tick = vim.api.nvim_buf_get_changedtick(buffer),
    from = from,
    to = to,
    old = text_between(buffer, from, to),
    text = (answer.text:gsub('\r\n?', '\n')),
    range = answer.range,
    command = answer.command,
  }
end

---@param edit infill_ls.NextEdit
local function write(edit)
  if edit.from.row < vim.api.nvim_buf_line_count(edit.buffer) then
    local edits = { { range = edit.range, newText = edit.text } }
    vim.lsp.util.apply_text_edits(edits, edit.buffer, edit.client.offset_encoding)
    return
  end
  -- Behind the last line Neovim 0.10 would add an empty one.
  local lines = vim.split((edit.text:gsub('\n$', '')), '\n', { plain = true })
  vim.api.nvim_buf_set_lines(edit.buffer, -1, -1, false, lines)
end

local function begin_undo_step()
  vim.cmd('let &l:undolevels = &l:undolevels')
end

--- Write what the edit wants, as a step of its own to undo.
---@param edit infill_ls.NextEdit
---@return [integer, integer] cursor where it ends
function M.replace(edit)
  local _, newlines = edit.text:gsub('\n', '')
  local last = edit.text:match('[^\n]*$')
  begin_undo_step()
  write(edit)
  begin_undo_step()
  -- A line that is inserted whole ends where the next one begins.
  local row = edit.from.row + newlines
  local column = newlines == 0 and edit.from.column + #last or #last
  if newlines > 0 and last == '' then
    row = row - 1
  end
  return { math.min(row + 1, vim.api.nvim_buf_line_count(edit.buffer)), column }
end

return M
