--- Instructions to a model: write this function, rewrite these lines, document, test, describe.
---
--- What comes of one is shown below its place, and made when the user takes it: one step to undo. It can
--- be asked for again, or dropped. Who edits the text elsewhere meanwhile loses nothing.

local rpc = require('infill_ls.rpc')
local view = require('infill_ls.ask_view')

local M = {}

local HINT = ' Tab applies it, Alt+] asks again, Ctrl+] discards it'
--- An instruction is asked for after so long without an answer.
local EXPECT_MS = 2000
local CHANGED = 'infill-ls: the text there has changed: nothing was changed'

---@type infill_ls.Asked?
local current
local tokens = 0
---@type integer?
local listener

---@param text string
---@param level? integer
local function say(text, level)
  vim.notify(text, level or vim.log.levels.INFO)
end

local function forget()
  local asked = current
  if not asked then
    return
  end
  current = nil
  view.clear(asked.buffer)
  require('infill_ls.maps').set_ask(asked.buffer, false)
  require('infill_ls.next_edit').refresh()
end

--- Show what the server says while the model writes.
local function listen()
  listener = listener
    or vim.api.nvim_create_autocmd('LspProgress', {
      callback = function(event)
        local params = event.data and (event.data.params or event.data.result)
        local value = params and params.value
        if current and current.id and params.token == current.token and value.message then
          view.draw_progress(current, value.message)
        end
      end,
    })
end

---@param asked infill_ls.Asked
---@return lsp.Range? as the text is now
local function range_now(asked)
  local from, to = view.place(asked.buffer, asked.from), view.place(asked.buffer, asked.to)
  if not from or not to then
    return nil
  end
  local function position(place)
    local line = vim.api.nvim_buf_get_lines(asked.buffer, place.row, place.row + 1, false)[1] or ''
    local encoding = asked.client.offset_encoding
    return { line = place.row, character = rpc.character(line, place.column, encoding) }
  end
  return { start = position(from), ['end'] = position(to) }
end

---@param buffer integer
---@param position lsp.Position
---@param client vim.lsp.Client
---@return infill_ls.Place
local function place_of(buffer, position, client)
  local line = vim.api.nvim_buf_get_lines(buffer, position.line, position.line + 1, false)[1]
  local column = rpc.byte_column(line or '', position.character, client.offset_encoding)
  return { row = position.line, column = column }
end

---@param buffer integer
---@param from infill_ls.Place
---@param to infill_ls.Place
---@return string
local function text_between(buffer, from, to)
  local lines = vim.api.nvim_buf_get_text(buffer, from.row, from.column, to.row, to.column, {})
  return table.concat(lines, '\n')
end

--- Keep the changes of the buffer by marks, so that they move with the text.
---@param asked infill_ls.Asked
---@param edits lsp.TextEdit[]
local function keep(asked, edits)
  asked.changes = {}
  for _, edit in ipairs(edits) do
    local from = view.mark(asked.buffer, place_of(asked.buffer, edit.range.start, asked.client))
    local to =
      view.mark(asked.buffer, place_of(asked.buffer, edit.range['end'], asked.client), true)
    local start, stop = view.place(asked.buffer, from), view.place(asked.buffer, to)
    assert(start and stop)
    asked.changes[#asked.changes + 1] = {
      from = from,
      to = to,
      old = text_between(asked.buffer, start, stop),
      text = (edit.newText:gsub('\r\n?', '\n')),
    }
  end
end

--- What an edit changes in its document, which comes last in it: a file may have to be made before.
---@param edit? lsp.WorkspaceEdit
---@return infill_ls.DocumentEdits?
local function changed_in(edit)
  local changes = edit and edit.documentChanges or {}
  local last = changes[#changes] --[[@as any]]
  return last and last.textDocument and last or nil
end

---@param asked infill_ls.Asked
---@param result { edit?: lsp.WorkspaceEdit, old?: string[], message: string, words: string }
local function show(asked, result)
  local last = changed_in(result.edit)
  if not last then
    forget()
    if result.words ~= '' then
      require('infill_ls.commands').show(result.words, 'markdown', 'description')
    elseif result.message ~= '' then
      say('infill-ls: ' .. result.message, vim.log.levels.WARN)
    end
    return
  end
  if result.message ~= '' then
    say('infill-ls: ' .. result.message)
  end
  if vim.uri_to_bufnr(last.textDocument.uri) == asked.buffer then
    -- Positions are those of the text that the server had.
    if last.textDocument.version ~= vim.lsp.util.buf_versions[asked.buffer] then
      forget()
      say(CHANGED, vim.log.levels.WARN)
      return
    end
    keep(asked, last.edits)
    view.draw_changes(asked, HINT)
  else
    asked.elsewhere, asked.old = result.edit, result.old
    local name = vim.fn.fnamemodify(vim.uri_to_fname(last.textDocument.uri), ':~:.')
    local texts = {}
    for _, edit in ipairs(last.edits) do
      texts[#texts + 1] = edit.newText
    end
    local text = table.concat(texts, '\n')
    view.draw_file(asked, name, text, HINT)
  end
end

--- Ask the server, and draw what it says.
---@param asked infill_ls.Asked
local function ask(asked)
  local range = range_now(asked)
  if not range then
    forget()
    return
  end
  tokens = tokens + 1
  local token = ('infill-ask-%d-%d'):format(vim.fn.getpid(), tokens)
  asked.token = token
  asked.changes, asked.elsewhere = {}, nil
  view.undraw(asked)
  view.draw_progress(asked, '')
  local params = {
    command = 'infill-ls.ask.' .. asked.task,
    arguments = {
      vim.uri_from_bufnr(asked.buffer),
      range,
      vim.NIL,
      asked.instruction,
      { preview = true, token = token, attempt = asked.attempt },
    },
  }
  asked.id = rpc.request(asked.client, 'workspace/executeCommand', params, function(error, result)
    if current ~= asked or asked.token ~= token then
      return
    end
    asked.id = nil
    if error or not result or not vim.api.nvim_buf_is_loaded(asked.buffer) then
      forget()
      say('infill-ls: ' .. (error and error.message or 'no answer'), vim.log.levels.WARN)
    else
      show(asked, result)
    end
  end, asked.buffer)
  if not asked.id then
    forget()
  end
end

--- Carry an instruction out for a range of the buffer.
---@param client vim.lsp.Client
---@param buffer integer
---@param task string
---@param range lsp.Range
---@param instruction string
function M.start(client, buffer, task, range, instruction)
  M.drop()
  listen()
  current = {
    buffer = buffer,
    client = client,
    task = task,
    instruction = instruction,
    from = view.mark(buffer, place_of(buffer, range.start, client)),
    to = view.mark(buffer, place_of(buffer, range['end'], client)),
    attempt = 0,
    token = '',
    drawn = {},
    changes = {},
  }
  require('infill_ls.next_edit').refresh()
  require('infill_ls.maps').set_ask(buffer, true)
  ask(current)
end

--- What a command is about: its lines, or the cursor.
---@param client vim.lsp.Client
---@param lines? [integer, integer] from 1
---@return lsp.Range
local function range_of(client, lines)
  if lines then
    local last = vim.api.nvim_buf_get_lines(0, lines[2] - 1, lines[2], false)[1] or ''
    local stop = rpc.character(last, #last, client.offset_encoding)
    return {
      start = { line = lines[1] - 1, character = 0 },
      ['end'] = { line = lines[2] - 1, character = stop },
    }
  end
  local here = vim.lsp.util.make_position_params(0, client.offset_encoding).position
  return { start = here, ['end'] = here }
end

--- Have what stands before an instruction read while that is typed. Says why, if no model can carry it out.
---@param client vim.lsp.Client
---@param buffer integer
---@param range lsp.Range
---@return boolean
local function is_possible(client, buffer, range)
  local params = {
    command = 'infill-ls.ask.expect',
    arguments = { vim.uri_from_bufnr(buffer), range },
  }
  local answer ---@type { message?: string }?
  local is_answered = false
  rpc.request(client, 'workspace/executeCommand', params, function(_, result)
    answer, is_answered = result, true
  end, buffer)
  -- It is answered at once, before anything is read. Keys that are typed meanwhile are the instruction's.
  vim.wait(EXPECT_MS, function()
    return is_answered
  end, 10)
  local reason = type(answer) == 'table' and answer.message or nil
  if reason then
    say('infill-ls: ' .. reason, vim.log.levels.WARN)
  end
  return reason == nil
end

--- Carry out a command of the user's in the current buffer.
---@param task string
---@param instruction string to rewrite by; asked for if it is empty
---@param lines? [integer, integer] from 1; the function at the cursor if there are none
function M.command(task, instruction, lines)
  local buffer = vim.api.nvim_get_current_buf()
  local client = rpc.client(buffer)
  if not client then
    say('infill-ls is not running in this buffer')
    return
  end
  local range = range_of(client, lines)
  if task ~= 'rewrite' or instruction ~= '' then
    M.start(client, buffer, task, range, instruction)
    return
  end
  if not is_possible(client, buffer, range) then
    return
  end
  vim.ui.input({ prompt = 'How to rewrite the code: ' }, function(typed)
    if typed and vim.trim(typed) ~= '' then
      M.start(client, buffer, task, range, typed)
    end
  end)
end

--- Have code actions of the server shown in the same way.
function M.watch_code_actions()
  for _, task in ipairs({ 'implement', 'rewrite', 'explain', 'document', 'tests' }) do
    vim.lsp.commands['infill-ls.ask.' .. task] = function(command, context)
      local client = vim.lsp.get_client_by_id(context.client_id)
      local arguments = command.arguments or {}
      local buffer = context.bufnr or vim.api.nvim_get_current_buf()
      if client and arguments[2] then
        local given = arguments[4]
        M.start(client, buffer, task, arguments[2], type(given) == 'string' and given or '')
      end
    end
  end
end

--- Whether a model writes, or a result is shown, for the current buffer.
---@return boolean
function M.is_active()
  return current ~= nil and current.buffer == vim.api.nvim_get_current_buf()
end

--- Whether there is a result to be taken.
---@return boolean
function M.is_visible()
  return M.is_active() and current ~= nil and current.id == nil
end

--- Where a change is now; nil if other text stands there.
---@param asked infill_ls.Asked
---@param change infill_ls.Change
---@return { from: infill_ls.Place, to: infill_ls.Place }?
local function place_now(asked, change)
  local from, to = view.place(asked.buffer, change.from), view.place(asked.buffer, change.to)
  if not from or not to or to.row < from.row then
    return nil
  end
  if to.row == from.row and to.column < from.column then
    return nil
  end
  return text_between(asked.buffer, from, to) == change.old and { from = from, to = to } or nil
end

--- Write the changes, the last one first, as a step of their own to undo.
---@param asked infill_ls.Asked
---@return boolean made false if other text stands there now
local function make(asked)
  local places = {} ---@type { from: infill_ls.Place, to: infill_ls.Place, text: string }[]
  for _, change in ipairs(asked.changes) do
    local place = place_now(asked, change)
    if not place then
      return false
    end
    table.insert(places, 1, { from = place.from, to = place.to, text = change.text })
  end
  vim.cmd('let &l:undolevels = &l:undolevels')
  for _, one in ipairs(places) do
    local from, to = one.from, one.to
    local lines = vim.split(one.text, '\n', { plain = true })
    vim.api.nvim_buf_set_text(asked.buffer, from.row, from.column, to.row, to.column, lines)
  end
  vim.cmd('let &l:undolevels = &l:undolevels')
  return true
end

--- Make the edits of another file, if what they replace is still there.
---@param asked infill_ls.Asked
---@param edit lsp.WorkspaceEdit
local function make_elsewhere(asked, edit)
  local last = changed_in(edit)
  if not last then
    return
  end
  local buffer = vim.uri_to_bufnr(last.textDocument.uri)
  vim.fn.bufload(buffer)
  local count = vim.api.nvim_buf_line_count(buffer)
  for number, one in ipairs(last.edits) do
    local from = place_of(buffer, one.range.start, asked.client)
    local to = place_of(buffer, one.range['end'], asked.client)
    local old = asked.old and asked.old[number] or ''
    -- Neovim's buffers have no line behind the last one.
    local is_end = to.row == count and to.column == 0
    local found = is_end and '' or to.row < count and text_between(buffer, from, to) or nil
    if found ~= old and not (is_end and vim.trim(old) == '') then
      say(CHANGED, vim.log.levels.WARN)
      return
    end
  end
  vim.lsp.util.apply_workspace_edit(edit, asked.client.offset_encoding)
end

--- Make what is shown.
---@return boolean taken false if there is nothing
function M.take()
  local asked = current
  if not asked or not M.is_visible() then
    return false
  end
  local elsewhere = asked.elsewhere
  if elsewhere then
    forget()
    make_elsewhere(asked, elsewhere)
    return true
  end
  local is_made = make(asked)
  forget()
  if not is_made then
    say(CHANGED, vim.log.levels.WARN)
  end
  return true
end

--- Ask for another answer to the same.
---@return boolean asked false if there is nothing
function M.again()
  local asked = current
  if not asked or not M.is_visible() then
    return false
  end
  asked.attempt = asked.attempt + 1
  ask(asked)
  return true
end

--- Take the result away, or give up what is being written.
---@return boolean dropped false if there is nothing
function M.drop()
  local asked = current
  if not asked then
    return false
  end
  local id = asked.id
  forget()
  if id then
    rpc.cancel(asked.client, id)
  end
  return true
end

return M
