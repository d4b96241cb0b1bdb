--- Inserting a suggestion, whole or in part.

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
---@return string?
function M.rest(suggestion)
  local row, column = unpack(vim.api.nvim_win_get_cursor(0))
  row = row - 1
  if row ~= suggestion.row or column < suggestion.column then
    return nil
  end
  local line = vim.api.nvim_buf_get_lines(suggestion.buffer, row, row + 1, false)[1] or ''
  local typed = line:sub(suggestion.column + 1, column)
  return vim.startswith(suggestion.text, typed) and suggestion.text:sub(#typed + 1) or nil
end

--- Insert a part of the suggestion at the cursor and tell the server.
---
--- Neovim 0.12 replaces the range of the answer, which is out of date if the user has typed a
--- character of the suggestion since: that character would stay behind. So we insert ourselves.
---@param suggestion infill_ls.Suggestion
---@param part infill_ls.Part
---@return string? rest what is left of the suggestion, nil if it did not fit any more
function M.insert(suggestion, part)
  local rest = M.rest(suggestion)
  if not rest then
    return nil
  end
  local taken = part(rest)
  local row, column = unpack(vim.api.nvim_win_get_cursor(0))
  local lines = vim.split(taken, '\n', { plain = true })
  vim.api.nvim_buf_set_text(suggestion.buffer, row - 1, column, row - 1, column, lines)
  local last = #lines[#lines]
  vim.api.nvim_win_set_cursor(0, { row + #lines - 1, #lines == 1 and column + last or last })
  rest = rest:sub(#taken + 1)
  M.tell(suggestion, #rest)
  return rest
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
