--- Inserting a suggestion, whole or in part.

local fit = require('infill_ls.fit')
local macro = require('infill_ls.macro')
local rpc = require('infill_ls.rpc')

local M = {}

---@param rest string
---@return string
function M.all(rest)
  return rest
end

--- The next word with the blanks before it, or the next run of punctuation.
---@param rest string
---@return string
function M.word(rest)
  -- Bytes over 127 are letters of other scripts, and never to be cut apart.
  return rest:match('^%s*[%w_\128-\255]+') or rest:match('^%s*[^%w%s_\128-\255]+') or rest
end

--- The rest of the cursor's line; the line below if that is all there.
---@param rest string
---@return string
function M.line(rest)
  return rest:match('^\n?[^\n]*') or rest
end

--- What of a suggestion is still to come after the cursor, or nil if something else was typed.
---@param suggestion infill_ls.Suggestion
---@return infill_ls.Left?
function M.left(suggestion)
  local row, column = unpack(vim.api.nvim_win_get_cursor(0))
  row = row - 1
  local is_behind = row > suggestion.row or row == suggestion.row and column >= suggestion.column
  -- The text where it begins may be gone, for instance by undoing.
  local first =
    vim.api.nvim_buf_get_lines(suggestion.buffer, suggestion.row, suggestion.row + 1, false)
  if not is_behind or not first[1] or #first[1] < suggestion.column then
    return nil
  end
  local typed =
    vim.api.nvim_buf_get_text(suggestion.buffer, suggestion.row, suggestion.column, row, column, {})
  local line = vim.api.nvim_buf_get_lines(suggestion.buffer, row, row + 1, false)[1] or ''
  return fit.left(
    suggestion.text,
    table.concat(typed, '\n'),
    line:sub(column + 1),
    suggestion.behind
  )
end

---@type fun()?
local waiting

--- Insert a part of the suggestion at the cursor, as if it was typed: `.` repeats it, and so does a
--- macro. What it takes the place of is deleted by keys, for the same reason.
---@param suggestion infill_ls.Suggestion
---@param part infill_ls.Part
---@param done fun(rest: string) gets what is left of the suggestion
---@return boolean inserted false if it did not fit any more
function M.insert(suggestion, part, done)
  local left = M.left(suggestion)
  if not left then
    return false
  end
  local taken = part(left.rest)
  local replaced = fit.closers_in(left, #taken)
  macro.note(taken, replaced)
  waiting = function()
    vim.api.nvim_paste(taken, false, -1)
    local rest = left.rest:sub(#taken + 1)
    M.tell(suggestion, #rest)
    done(rest)
  end
  if replaced == 0 then
    M.finish()
    return true
  end
  local keys = ('<Del>'):rep(replaced) .. '<Cmd>lua require("infill_ls.accept").finish()<CR>'
  vim.api.nvim_feedkeys(vim.api.nvim_replace_termcodes(keys, true, false, true), 'in', false)
  return true
end

--- The second half of inserting: what was to be deleted is.
function M.finish()
  local insert = waiting
  waiting = nil
  if insert then
    insert()
  end
end

--- Tell the server how much of its text was taken.
---@param suggestion infill_ls.Suggestion
---@param left integer bytes at the end that were not taken
function M.tell(suggestion, left)
  local client = vim.lsp.get_client_by_id(suggestion.client_id)
  if not client then
    return
  end
  if left == 0 then
    local command = suggestion.item.command
    if command then
      local params = { command = command.command, arguments = command.arguments }
      rpc.request(client, 'workspace/executeCommand', params, nil, suggestion.buffer)
    end
  else
    local text = suggestion.item.insertText
    rpc.notify(client, 'textDocument/didPartiallyAcceptCompletion', {
      item = suggestion.item,
      acceptedLength = rpc.utf16_length(text:sub(1, #text - left)),
    })
  end
end

return M
