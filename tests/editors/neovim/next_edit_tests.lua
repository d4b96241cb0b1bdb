-- Tests of next edits: what has to change elsewhere. Run by `run.lua`.

local BEFORE = [[
def total(prices):
    return sum(prices)


def report(prices):
    print(compute_total(prices))
    return compute_total(prices)


def compute_total(prices):
    return sum(prices)
]]
local RENAME = '10G0wcwcompute_sum'
local FIRST = { row = 5, old = 'compute_total', new = 'compute_sum' }
local SECOND = { row = 6, old = 'compute_total', new = 'compute_sum' }

--- What is drawn: a hint at the cursor, or what goes and what comes; nil for nothing.
local function shown(editor)
  local found = editor:lua([[
    local namespace = vim.api.nvim_get_namespaces()['infill_ls.next_edit']
    local marks = namespace
      and vim.api.nvim_buf_get_extmarks(0, namespace, 0, -1, { details = true }) or {}
    if #marks == 0 then
      return nil
    end
    local shown = { row = marks[1][2] }
    for _, mark in ipairs(marks) do
      local _, row, column, details = unpack(mark)
      local text = ''
      for _, piece in ipairs(details.virt_text or {}) do
        text = text .. piece[1]
      end
      if details.virt_text_pos == 'eol' then
        shown.hint = text
      elseif details.hl_group == 'InfillNextEditStruck' then
        local old =
          vim.api.nvim_buf_get_text(0, row, column, details.end_row, details.end_col, {})
        shown.old = table.concat(old, '\n')
      elseif text ~= '' then
        shown.new = text
      end
      for _, line in ipairs(details.virt_lines or {}) do
        shown.lines = shown.lines or {}
        table.insert(shown.lines, line[1][1])
      end
    end
    return shown
  ]])
  return found ~= vim.NIL and found or nil
end

local function expect(editor, expected)
  local found
  editor:wait('the next edit ' .. vim.inspect(expected), function()
    found = shown(editor)
    return vim.deep_equal(found, expected)
  end)
end

local function expect_none(editor)
  editor:settle()
  local found = shown(editor)
  assert(not found, vim.inspect(found))
end

--- Whether a key is mapped in a mode.
local function is_mapped(editor, key, mode)
  return editor:lua('return vim.fn.maparg(...)', key, mode) ~= ''
end

local function cursor(editor)
  return editor:lua('return vim.api.nvim_win_get_cursor(0)')
end

local function expect_cursor(editor, row, column)
  editor:wait(('the cursor at %d, %d'):format(row, column), function()
    return vim.deep_equal(cursor(editor), { row, column })
  end)
end

local function statistics(editor)
  local path = editor.workspace .. '/.git/data/infill-ls/statistics.jsonl'
  return vim.uv.fs_stat(path) and table.concat(vim.fn.readfile(path), '\n') or ''
end

---@param test fun(name: string, options: table, run: fun(editor: table))
return function(test)
  test('next edit: a renamed function is followed by one key', {
    text = BEFORE,
    answers = { '' },
  }, function(editor)
    editor:press(RENAME)
    editor:press('<Esc>')
    expect(editor, FIRST)
    assert(is_mapped(editor, '<Tab>', 'n'))
    editor:press('<Tab>')
    expect_cursor(editor, 6, 10)
    assert(shown(editor).old == 'compute_total', 'it is made by the second press')
    editor:press('<Tab>')
    local first = BEFORE:gsub('def compute_total', 'def compute_sum')
      :gsub('print%(compute_total', 'print(compute_sum')
    editor:expect_text((first:gsub('\n$', '')))
    expect(editor, SECOND)
    editor:press('<Tab>')
    expect_cursor(editor, 7, 11)
    editor:press('<Tab>')
    local second = BEFORE:gsub('compute_total', 'compute_sum')
    editor:expect_text((second:gsub('\n$', '')))
    expect_none(editor)
    assert(not is_mapped(editor, '<Tab>', 'n'), 'the key is mapped only while one is shown')
    editor:press('u')
    editor:expect_text((first:gsub('\n$', '')))
    editor:press('<C-r>')
    editor:expect_saved(second)
    editor:wait('the acceptance to be counted', function()
      local _, count = statistics(editor):gsub('"edit accepted"', '')
      return count == 2
    end)
  end)

  test('next edit: Esc dismisses it, and the change stays silent', {
    text = BEFORE,
    answers = { '' },
  }, function(editor)
    editor:press(RENAME)
    editor:press('<Esc>')
    expect(editor, FIRST)
    editor:press('<Esc>')
    expect_none(editor)
    assert(not is_mapped(editor, '<Tab>', 'n'))
    editor:press('ggA <Esc>')
    expect_none(editor)
    editor:wait('the refusal to be counted', function()
      return statistics(editor):find('"edit refused"', 1, true)
    end)
  end)

  test('next edit: a place out of sight is named at the cursor', {
    text = (BEFORE:gsub('def report', ('\n'):rep(80) .. 'def report')),
    answers = { '' },
  }, function(editor)
    editor:press('G')
    editor:press('k0wcwcompute_sum')
    editor:press('<Esc>')
    local hint = ' ↑ 86: compute_total → compute_sum'
    editor:press('gg')
    expect(editor, { row = 0, hint = (hint:gsub('↑', '↓')) })
    editor:press('j')
    expect(editor, { row = 1, hint = (hint:gsub('↑', '↓')) })
    editor:press('<Tab>')
    expect_cursor(editor, 86, 10)
    expect(editor, { row = 85, old = 'compute_total', new = 'compute_sum' })
    editor:press('<C-o>')
    expect_cursor(editor, 2, 14)
  end)

  test('next edit: in Insert mode, after the keys have rested', {
    text = BEFORE,
    answers = { '' },
  }, function(editor)
    editor:press(RENAME)
    expect(editor, FIRST)
    editor:press('<Tab>')
    expect_cursor(editor, 6, 10)
    editor:press('<Tab>')
    expect(editor, SECOND)
    assert(editor:lua('return vim.api.nvim_get_mode().mode') == 'i')
    editor:press('<C-]>')
    expect_none(editor)
    editor:press('<Tab>')
    editor:wait('Tab to be Tab again', function()
      return editor:lua('return vim.api.nvim_get_current_line()'):find('compute_sum +%(')
    end)
    -- What was typed and what was taken are undone apart.
    editor:press('<Esc>u')
    editor:press('u')
    editor:wait('the edit to be undone alone', function()
      local text = editor:text()
      return text:find('print(compute_total', 1, true) and text:find('def compute_sum', 1, true)
    end)
  end)

  test('next edit: ghost text at the cursor goes first', {
    text = BEFORE,
    answers = { '_of_all' },
  }, function(editor)
    editor:press(RENAME)
    editor:press('<Esc>$hi')
    editor:press('<M-\\>')
    editor:expect_ghost('_of_all')
    assert(not shown(editor), 'they are not there together')
    editor:press('<C-]>')
    expect(editor, FIRST)
    editor:press('<M-\\>')
    editor:expect_ghost('_of_all')
    assert(not shown(editor))
    editor:press('<Tab>')
    editor:wait('the ghost text to be taken', function()
      return editor:text():find('_of_all', 1, true)
    end)
  end)

  test('next edit: a key that is mapped already keeps its meaning', {
    text = BEFORE,
    answers = { '' },
  }, function(editor)
    editor:lua([[
      vim.keymap.set('n', '<Tab>', function()
        vim.g.mine = (vim.g.mine or 0) + 1
        require('infill_ls').next_edit()
      end)
      vim.keymap.set('n', '<Esc>', '<Cmd>let g:escape = 1<CR>')
    ]])
    editor:press(RENAME)
    editor:press('<Esc>')
    expect(editor, FIRST)
    editor:press('<Tab>')
    expect_cursor(editor, 6, 10)
    assert(editor:lua('return vim.g.mine') == 1)
    editor:press('<Esc>')
    expect_none(editor)
    assert(editor:lua('return vim.g.escape') == 1, 'a map of Esc is not swallowed')
  end)

  test('next edit: off by a setting, and while suggestions are off', {
    text = BEFORE,
    answers = { '' },
    settings = { nextEdit = false, thinkAhead = false },
  }, function(editor)
    editor:press(RENAME)
    editor:press('<Esc>')
    expect_none(editor)
  end)

  test('next edit: while suggestions are off', {
    text = BEFORE,
    answers = { '' },
  }, function(editor)
    editor:lua('vim.cmd("silent Infill toggle")')
    editor:press(RENAME)
    editor:press('<Esc>')
    expect_none(editor)
    editor:lua('vim.cmd("silent Infill toggle")')
    editor:press('ix<Esc>x')
    expect(editor, FIRST)
  end)

  test('next edit: none while a macro is recorded, and none for other text', {
    text = BEFORE,
    answers = { '' },
  }, function(editor)
    editor:press('qq')
    editor:press(RENAME)
    editor:press('<Esc>')
    expect_none(editor)
    editor:press('q')
    editor:press('ix<Esc>x')
    expect(editor, FIRST)
    editor:lua('vim.api.nvim_buf_set_lines(0, 5, 6, false, { "    pass" })')
    assert(not editor:lua('return require("infill_ls.next_edit").press()'))
    assert(editor:text():find('    pass', 1, true), 'it is not made where other text stands')
  end)

  test('next edit: CRLF and other scripts before it', {
    text = (BEFORE:gsub('print%(', 'print("🦊 狐 é", '):gsub('\n', '\r\n')),
    answers = { '' },
  }, function(editor)
    editor:press(RENAME)
    editor:press('<Esc>')
    expect(editor, FIRST)
    editor:press('<Tab><Tab>')
    expect(editor, SECOND)
    editor:press('<Tab><Tab>')
    expect_none(editor)
    local expected = BEFORE:gsub('compute_total', 'compute_sum')
      :gsub('print%(', 'print("🦊 狐 é", ')
    editor:expect_saved((expected:gsub('\n', '\r\n')))
  end)

  --- Have the server answer the next question with an edit of our choice, and ask it.
  local function answer(editor, from, to, text)
    editor:lua(
      [[
      local from, to, text = ...
      local rpc = require('infill_ls.rpc')
      local real = rpc.request
      rpc.request = function(client, method, params, handler, buffer)
        if method ~= 'textDocument/copilotInlineEdit' then
          return real(client, method, params, handler, buffer)
        end
        rpc.request = real
        vim.schedule(function()
          handler(nil, { edits = { {
            text = text,
            range = {
              start = { line = from[1], character = from[2] },
              ['end'] = { line = to[1], character = to[2] },
            },
            textDocument = params.textDocument,
          } } })
        end)
        return 0
      end
    ]],
      from,
      to,
      text
    )
    editor:press('x')
  end

  test('next edit: lines that are put in, replaced and taken out', {
    text = 'xa\nb\nc\nd\n',
    answers = { '' },
  }, function(editor)
    answer(editor, { 2, 0 }, { 2, 0 }, 'new\n  er\n')
    expect(editor, { row = 2, lines = { 'new', '  er' } })
    editor:press('<Tab><Tab>')
    editor:expect_text('a\nb\nnew\n  er\nc\nd')
    expect_cursor(editor, 4, 0)
    editor:press('u')
    editor:expect_text('a\nb\nc\nd')
    editor:press('ggix<Esc>')
    answer(editor, { 1, 0 }, { 3, 0 }, 'one\n')
    expect(editor, { row = 1, old = 'b\nc\n', lines = { 'one' } })
    editor:press('<Tab><Tab>')
    editor:expect_text('a\none\nd')
    editor:press('ggix<Esc>')
    answer(editor, { 2, 0 }, { 3, 0 }, '')
    expect(editor, { row = 2, old = 'd' })
    editor:press('<Tab><Tab>')
    editor:expect_text('a\none')
    editor:press('ggix<Esc>')
    answer(editor, { 0, 1 }, { 1, 3 }, '(\n  b,\n)')
    expect(editor, { row = 0, old = '\none', new = '(', lines = { '  b,', ')' } })
    editor:press('<Tab>')
    editor:expect_text('a(\n  b,\n)')
    editor:press('ggix<Esc>')
    answer(editor, { 3, 0 }, { 3, 0 }, 'end\n')
    expect(editor, { row = 2, lines = { 'end' } })
    editor:press('<Tab>')
    expect_cursor(editor, 3, 0)
    editor:press('<Tab>')
    editor:expect_saved('a(\n  b,\n)\nend\n')
  end)

  test('next edit: lines above the first one can be seen', {
    text = 'xa\nb\n',
    answers = { '' },
  }, function(editor)
    answer(editor, { 0, 0 }, { 0, 0 }, 'import os\n\n')
    expect(editor, { row = 0, lines = { 'import os', ' ' } })
    editor:wait('room above the first line', function()
      return editor:lua('return vim.fn.winsaveview().topfill') == 2
    end)
    editor:press('<Tab>')
    editor:expect_saved('import os\n\na\nb\n')
  end)
end
