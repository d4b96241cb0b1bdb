-- Tests of the released plug-in, installed in the ways that users install plug-ins.

local folder = vim.fn.fnamemodify(debug.getinfo(1, 'S').source:sub(2), ':p:h:h:h:h')

---@param command string[]
---@param where? string
local function run(command, where)
  local done = vim.system(command, { cwd = where, text = true }):wait()
  assert(done.code == 0, done.stderr)
end

--- Unpack the archive of the release as `path`.
---@param path string
local function unpack_release(path)
  local archives =
    vim.fn.glob(folder .. '/build/editors/release/infill_ls.nvim-*.tar.gz', true, true)
  assert(#archives == 1, 'one archive is expected: ' .. vim.inspect(archives))
  vim.fn.mkdir(path, 'p')
  run({ 'tar', '-xzf', archives[1], '--strip-components=1', '-C', path })
end

--- Make the repository out of the release that package managers clone; returns its address.
---@param path string
---@return string
local function repository(path)
  unpack_release(path)
  run({ 'git', 'init', '--quiet', '--initial-branch=main' }, path)
  run({ 'git', 'add', '.' }, path)
  local who = { '-c', 'user.name=Test', '-c', 'user.email=test@example.invalid' }
  run(vim.list_extend(vim.list_extend({ 'git' }, who), { 'commit', '--quiet', '-m', 'All' }), path)
  return 'file://' .. path
end

local SOURCES = [[return debug.getinfo(require('infill_ls').accept, 'S').source]]

--- Complete something, and look whether all parts of the plug-in are there.
---@param editor Editor
---@param place string in the path of the plug-in
local function check(editor, place)
  local found = editor:lua(SOURCES)
  assert(found:find(place, 1, true), found)
  assert(editor:lua('return vim.fn.exists(":Infill")') == 2)
  editor:press('A')
  editor:expect_ghost('one')
  editor:press('<Tab>')
  editor:expect_text('x = one')
  editor:press('<Esc>')
  editor:lua('vim.cmd("silent checkhealth infill_ls")')
  assert(editor:text():find('Ready', 1, true), editor:text())
end

---@param editor Editor
local function has_help(editor)
  return vim.list_contains(editor:lua('return vim.fn.getcompletion(":Infill", "help")'), ':Infill')
end

---@param test fun(name: string, options: table, run: fun(editor: Editor))
---@param has_pack boolean
---@param plugins? string the folder with lazy.nvim, if that is at hand
return function(test, has_pack, plugins)
  test('installed: unpacked into a folder pack/*/start', {
    text = 'x = ',
    answers = { 'one' },
    install = function(data)
      unpack_release(data .. '/site/pack/any/start/infill_ls.nvim')
      return ''
    end,
  }, function(editor)
    check(editor, '/pack/any/start/infill_ls.nvim/')
    editor:lua('vim.cmd("helptags ALL")')
    assert(has_help(editor))
  end)

  if has_pack then
    test('installed: by vim.pack', {
      text = 'x = ',
      answers = { 'one' },
      install = function(data)
        local address = repository(data .. '/sources/infill_ls.nvim')
        return ('vim.pack.add({ %q }, { confirm = false })'):format(address)
      end,
    }, function(editor)
      check(editor, '/pack/core/opt/infill_ls.nvim/')
      assert(has_help(editor))
    end)
  end

  if plugins then
    test('installed: by lazy.nvim', {
      text = 'x = ',
      answers = { 'one' },
      install = function(data)
        local address = repository(data .. '/sources/infill_ls.nvim')
        return ([[
          vim.opt.runtimepath:prepend(%q)
          require('lazy').setup({ { url = %q } })
        ]]):format(plugins .. '/lazy.nvim', address)
      end,
    }, function(editor)
      check(editor, '/lazy/infill_ls.nvim/')
      assert(has_help(editor))
    end)
  end
end
