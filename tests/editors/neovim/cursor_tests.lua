-- Tests of what Neovim tells the server about the cursor. Run by `run.lua`.

local LINES = 'one = 1\ntwo = 2\nthree = 3\nfour = '

--- The lines that the server was told of, in the order of telling.
local function told(editor)
  local path = editor.workspace .. '/.git/cursor'
  local lines = {}
  for _, line in ipairs(vim.uv.fs_stat(path) and vim.fn.readfile(path) or {}) do
    local params = vim.json.decode(line)
    assert(vim.endswith(params.textDocument.uri, '/demo.py'), line)
    lines[#lines + 1] = params.position.line
  end
  return lines
end

local function expect_told(editor, expected)
  editor:wait('the server to know of ' .. vim.inspect(expected), function()
    return vim.deep_equal(told(editor), expected)
  end)
end

---@param test fun(name: string, options: table, run: fun(editor: table))
return function(test)
  test('the server is told where the cursor rests', {
    text = LINES,
    answers = { 'five + six' },
    listens = 'wants',
  }, function(editor)
    expect_told(editor, { 0 })
    editor:press('j')
    expect_told(editor, { 0, 1 })
    editor:press('jj')
    expect_told(editor, { 0, 1, 3 }) -- not of what the cursor only passes
    editor:lua('vim.cmd.doautocmd("FocusGained")')
    expect_told(editor, { 0, 1, 3, 3 })
    editor:lua('vim.cmd.enew()')
    editor:lua('vim.cmd("buffer #")')
    -- Maybe twice: that the buffer was entered, and that the cursor is there.
    editor:wait('the server to know that it is shown', function()
      local lines = told(editor)
      return #lines > 4 and lines[#lines] == 3
    end)
    editor:press('A')
    editor:expect_ghost('five + six')
    -- What it was told before the answer to a question has been written down by then.
    editor:lua(require('editor').EXPLAIN, require('editor').TIMEOUT_MS)
    local before = #told(editor)
    for _, key in ipairs({ 'f', 'i', 'v' }) do
      editor:press(key)
      vim.wait(400)
    end
    editor:expect_ghost('e + six')
    assert(#told(editor) == before, 'not while a suggestion is typed through')
  end)

  test('a server that does not ask is not told of the cursor', {
    text = LINES,
    answers = { '' },
    listens = 'ignores',
  }, function(editor)
    editor:press('j')
    vim.wait(600) -- longer than a rest
    editor:press('ix')
    vim.wait(600)
    assert(#told(editor) == 0)
  end)
end
