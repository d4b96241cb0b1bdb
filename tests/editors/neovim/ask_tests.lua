-- Tests of instructions, whose result is shown below its place until it is applied. Run by `run.lua`.

local BEFORE = [[
import os


def area(radius):
    """Return the area of a circle."""
    raise NotImplementedError


def other():
    return 1
]]
local ANSWER = [[
1. Square the radius.
2. Multiply by pi.

```python
import math


def area(radius):
    squared = radius**2
    return math.pi * squared
```
]]
local SECOND = '```python\ndef area(radius):\n    return 3 * radius**2\n```\n'
local AFTER =
  BEFORE:gsub('import os\n', 'import os\nimport math\n')
    :gsub('    raise NotImplementedError', '    squared = radius**2\n    return math.pi * squared')
local SETTINGS = { thinkAhead = false, instructModel = '/nowhere/some-instruct.gguf' }

--- Let the model write this many lines after its first; without this it waits.
---@param script table what the model is told
local function let_write(script, lines)
  vim.fn.writefile({ ('x'):rep(lines) }, script.instruct_gate, 'b')
end

--- A model that writes line by line, as the test says.
local function gated()
  return { instruct = { ANSWER }, instruct_gate = vim.fn.tempname() }
end

local function options(instruct, more)
  return vim.tbl_extend('force', {
    text = BEFORE,
    answers = { '' },
    settings = SETTINGS,
    script = { instruct = instruct },
  }, more or {})
end

--- What is drawn: the lines below, and the text that is marked as old.
local function shown(editor)
  return editor:lua([[
    local namespace = vim.api.nvim_get_namespaces()['infill_ls.ask']
    local marks = namespace
      and vim.api.nvim_buf_get_extmarks(0, namespace, 0, -1, { details = true }) or {}
    local found = { lines = {}, old = {}, rows = {} }
    for _, mark in ipairs(marks) do
      local _, row, column, details = unpack(mark)
      if details.hl_group then
        local old = vim.api.nvim_buf_get_text(0, row, column, details.end_row, details.end_col, {})
        table.insert(found.old, table.concat(old, '\n'))
      end
      for _, line in ipairs(details.virt_lines or {}) do
        table.insert(found.lines, line[1][1])
        table.insert(found.rows, row)
      end
    end
    return found
  ]])
end

local function expect_lines(editor, ...)
  local found
  local wanted = { ... }
  editor:wait('the lines ' .. vim.inspect(wanted), function()
    found = shown(editor)
    for number, line in ipairs(wanted) do
      if found.lines[number] ~= line then
        return false
      end
    end
    return true
  end)
  return found
end

local function expect_nothing(editor)
  editor:wait('nothing to be shown', function()
    return #shown(editor).lines == 0
  end)
end

local function is_mapped(editor, key)
  return editor:lua('return vim.fn.maparg(...)', key, 'n') ~= ''
end

local function command(editor, line)
  editor:press((':Infill %s<CR>'):format(line))
end

local function messages(editor)
  return editor:lua('return vim.fn.execute("messages")')
end

local HINT = ' Tab applies it, Alt+] asks again, Ctrl+] discards it'

---@param test fun(name: string, options: table, run: fun(editor: table))
return function(test)
  test(
    'ask: a function is written, shown, taken, and undone in one step',
    options({ ANSWER }),
    function(editor)
      editor:press('4G')
      command(editor, 'implement')
      local found = expect_lines(
        editor,
        'import math',
        '    squared = radius**2',
        '    return math.pi * squared',
        HINT
      )
      assert(vim.deep_equal(found.rows, { 0, 5, 5, 5 }), vim.inspect(found.rows))
      assert(
        vim.deep_equal(found.old, { '\n    raise NotImplementedError' }),
        vim.inspect(found.old)
      )
      editor:expect_text((BEFORE:gsub('\n$', '')))
      editor:press('<Tab>')
      editor:expect_text((AFTER:gsub('\n$', '')))
      expect_nothing(editor)
      assert(not is_mapped(editor, '<Tab>') and not is_mapped(editor, '<C-]>'))
      editor:press('u')
      editor:expect_text((BEFORE:gsub('\n$', '')))
      editor:press('<C-r>')
      editor:expect_saved(AFTER)
    end
  )

  local growing = gated()
  test(
    'ask: the outline is seen as it grows',
    options({ ANSWER }, { script = growing }),
    function(editor)
      editor:press('4G')
      command(editor, 'implement')
      expect_lines(editor, 'infill-ls is writing (Ctrl+] stops it)', '1. Square the radius.')
      let_write(growing, 1)
      expect_lines(
        editor,
        'infill-ls is writing (Ctrl+] stops it)',
        '1. Square the radius.',
        '2. Multiply by pi.'
      )
      assert(not editor:lua('return require("infill_ls.ask").take()'), 'nothing can be taken yet')
    end
  )

  test('ask: again, and dropped', options({ ANSWER, SECOND }), function(editor)
    editor:press('4G')
    command(editor, 'implement')
    expect_lines(editor, 'import math')
    editor:press('<M-]>')
    expect_lines(editor, '    return 3 * radius**2', HINT)
    editor:press('<C-]>')
    expect_nothing(editor)
    editor:expect_text((BEFORE:gsub('\n$', '')))
    assert(not is_mapped(editor, '<Tab>'), 'the keys are mapped only while there is something')
    command(editor, 'take')
    editor:wait('it to be said', function()
      return messages(editor):find('there is no result', 1, true)
    end)
  end)

  test(
    'ask: given up while the model writes',
    options({ ANSWER }, { script = gated() }),
    function(editor)
      editor:press('4G')
      command(editor, 'implement')
      expect_lines(editor, 'infill-ls is writing (Ctrl+] stops it)', '1. Square the radius.')
      editor:press('<C-]>')
      expect_nothing(editor)
      editor:expect_text((BEFORE:gsub('\n$', '')))
      -- The server is free for the next one.
      command(editor, 'implement')
      expect_lines(editor, 'infill-ls is writing (Ctrl+] stops it)', '1. Square the radius.')
    end
  )

  test(
    'ask: it moves with the text, and is not made where other text stands',
    options({
      ANSWER,
    }),
    function(editor)
      editor:press('4G')
      command(editor, 'implement')
      expect_lines(editor, 'import math')
      editor:press('ggO# new<Esc>G')
      editor:press('othe_end<Esc>')
      editor:press('<Tab>')
      editor:expect_text('# new\n' .. AFTER .. 'the_end')
      editor:press('u')
      editor:expect_text('# new\n' .. BEFORE .. 'the_end')
      editor:press('5G')
      command(editor, 'implement')
      expect_lines(editor, 'import math')
      editor:press('7G0wcwreturn<Esc>')
      editor:press('<Tab>')
      editor:wait('it to be said', function()
        return messages(editor):find('the text there has changed', 1, true)
      end)
      assert(editor:text():find('    return NotImplementedError', 1, true))
      expect_nothing(editor)
    end
  )

  test(
    'ask: lines are rewritten as said',
    options({
      '```python\nreturn 2\n```\n',
    }),
    function(editor)
      command(editor, 'rewrite twice of it')
      editor:wait('no function', function()
        return messages(editor):find('there is no function', 1, true)
      end)
      editor:press(':10Infill rewrite twice of it<CR>')
      local found = expect_lines(editor, '    return 2', HINT)
      assert(vim.deep_equal(found.old, { 'return 1' }), vim.inspect(found.old))
      editor:press('<Tab>')
      editor:expect_saved((BEFORE:gsub('return 1', 'return 2')))
      local prompts = table.concat(vim.fn.readfile(editor.workspace .. '/.git/prompts'), '\n')
      assert(prompts:find('twice of it', 1, true))
    end
  )

  test(
    'ask: an instruction that is typed',
    options({ '```python\nreturn 3\n```\n' }),
    function(editor)
      editor:press(':10Infill rewrite<CR>')
      editor:press('three of it<CR>')
      expect_lines(editor, '    return 3', HINT)
      editor:press('i')
      editor:press('<Tab>')
      editor:expect_text((BEFORE:gsub('return 1', 'return 3'):gsub('\n$', '')))
    end
  )

  test(
    'ask: no instruction is typed for nothing',
    options({ ANSWER }, {
      settings = { thinkAhead = false },
    }),
    function(editor)
      editor:lua([[vim.ui.input = function() vim.g.is_asked = true end]])
      command(editor, 'rewrite')
      editor:wait('it to be said', function()
        return messages(editor):find('needs an instruct model', 1, true)
      end)
      assert(editor:lua('return vim.g.is_asked') == vim.NIL)
    end
  )

  test('ask: a code action is shown in the same way', options({ SECOND }), function(editor)
    editor:press('4G')
    editor:lua([[
      vim.lsp.buf.code_action({
        apply = true,
        filter = function(action) return action.title == 'Implement area' end,
      })
    ]])
    expect_lines(editor, '    return 3 * radius**2', HINT)
    editor:press('<Tab>')
    editor:expect_saved((BEFORE:gsub('raise NotImplementedError', 'return 3 * radius**2')))
  end)

  test(
    'ask: tests go to their file',
    options({
      '```python\nfrom demo import other\n\n\ndef test_other():\n    assert other() == 1\n```\n',
    }),
    function(editor)
      editor:press('9G')
      command(editor, 'tests')
      editor:wait('the tests', function()
        return vim.tbl_contains(shown(editor).lines, 'def test_other():')
      end)
      editor:press('<Tab>')
      editor:wait('the file', function()
        return editor:lua([[
        for _, buffer in ipairs(vim.api.nvim_list_bufs()) do
          if vim.api.nvim_buf_get_name(buffer):find('test_demo.py$') then
            return vim.api.nvim_buf_get_lines(buffer, 3, 4, false)[1] == 'def test_other():'
          end
        end
        return false
      ]])
      end)
    end
  )

  test('ask: words are shown beside the text', options({ 'It returns one.' }), function(editor)
    editor:press('9G')
    command(editor, 'describe')
    editor:wait('the words', function()
      return editor:text() == 'It returns one.'
    end)
  end)

  test(
    'ask: CRLF and other scripts before it',
    options({ SECOND }, {
      text = (BEFORE:gsub('area of a circle', '🦊 狐 é'):gsub('\n', '\r\n')),
    }),
    function(editor)
      editor:press('4G')
      command(editor, 'implement')
      expect_lines(editor, '    return 3 * radius**2', HINT)
      editor:press('<Tab>')
      local expected = BEFORE:gsub('area of a circle', '🦊 狐 é')
        :gsub('raise NotImplementedError', 'return 3 * radius**2')
      editor:expect_saved((expected:gsub('\n', '\r\n')))
    end
  )

  test(
    'ask: without a model that is said',
    options({ ANSWER }, {
      settings = { thinkAhead = false },
    }),
    function(editor)
      editor:press('9G')
      command(editor, 'document')
      editor:wait('it to be said', function()
        return messages(editor):find('needs an instruct model', 1, true)
      end)
      expect_nothing(editor)
      assert(not is_mapped(editor, '<Tab>'))
    end
  )
end
