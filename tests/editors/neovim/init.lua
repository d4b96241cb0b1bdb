-- The configuration of the Neovim under test: what a user would write, and the server to run.
vim.g.loaded_python3_provider = 0 -- else each Python file has Neovim look for a Python, which takes seconds with pyenv
vim.opt.swapfile = false
vim.opt.shada = ''
vim.opt.completeopt = { 'menuone', 'noinsert' }
vim.opt.runtimepath:append(vim.env.INFILL_PLUGIN)
vim.cmd('filetype plugin indent on')
vim.g.mapleader = ' '
if vim.env.INFILL_TAB_IS_TAKEN then
  vim.keymap.set('i', '<Tab>', '<C-v><Tab>')
end
require('infill_ls').start({
  cmd = vim.json.decode(vim.env.INFILL_COMMAND),
  init_options = vim.json.decode(vim.env.INFILL_OPTIONS),
})
