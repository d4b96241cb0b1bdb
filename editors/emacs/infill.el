;;; infill.el --- Local code completion as ghost text  -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The infill-ls authors

;; Author: The infill-ls authors
;; Maintainer: The infill-ls authors
;; Version: 0.1.0
;; Package-Requires: ((emacs "29.1"))
;; Keywords: convenience, languages
;; URL: https://example.invalid/infill-ls
;; SPDX-License-Identifier: MIT

;;; Commentary:

;; The language server infill-ls completes code with a model on your own
;; machine.  This package shows its completions as ghost text:
;;
;;     (require 'infill)
;;     (add-hook 'prog-mode-hook #'infill-mode)
;;
;; Type, and what the model would write appears behind point.  TAB accepts
;; it, `M-f' its next word, `C-e' its next line, `M-n' and `M-p' show other
;; candidates, `C-g' dismisses it.  These keys have their usual meaning
;; while nothing is suggested.  `infill-complete' asks explicitly, also
;; where nothing is suggested automatically.
;;
;; In the message of a commit: (add-hook 'git-commit-setup-hook
;; #'infill-mode) with Magit, (add-hook 'vc-git-log-edit-mode-hook
;; #'infill-mode) with VC.
;;
;; After an edit, what has to change elsewhere is shown too.  TAB goes
;; there, TAB again makes the edit and shows the one after it, `C-g'
;; dismisses it for good.
;;
;; A suggestion may take the place of closing brackets right of point, and
;; stays while `electric-pair-mode' adds some or they are typed over.
;;
;; While the menu of Company, of Corfu or of Emacs itself is open, it has
;; the keys and there is no ghost text.  Set `company-idle-delay' to nil, or
;; `corfu-auto', to see ghost text first and open the menu by its key.  With
;; Evil there is ghost text in insert and Emacs state.
;;
;; `infill-implement', `infill-rewrite', `infill-document' and
;; `infill-write-tests' have a model write code, which is shown below its
;; place: TAB applies it, M-n asks again, C-g discards it.  `infill-describe' has
;; it say what code does.  All but the first want a model that follows
;; instructions: (setopt infill-settings \='(:instructModel "..."))
;;
;; `infill-toggle', `infill-toggle-language' and `infill-pause' switch it
;; off for a while; `infill-choose-model', `infill-statistics',
;; `infill-explain', `infill-restart' and `infill-show-log' do what they say.
;;
;; `infill-mode' talks to a server of its own, beside the one that Eglot
;; or lsp-mode runs for the language.  To have infill-ls alone, as the one
;; server of a buffer and without ghost text, call `infill-setup-eglot' or
;; `infill-setup-lsp-mode' in your init file.

;;; Code:

(require 'infill-ask)
(require 'infill-commands)
(require 'infill-connection)
(require 'infill-ghost)
(require 'infill-next-edit)
(require 'infill-rests)
(require 'infill-switch)
(require 'map)

(defvar eglot-server-programs)
(declare-function evil-declare-change-repeat "ext:evil-common")
(declare-function evil-declare-ignore-repeat "ext:evil-common")
(declare-function lsp-register-client "ext:lsp-mode")
(declare-function lsp-stdio-connection "ext:lsp-mode")
(declare-function make-lsp-client "ext:lsp-mode")

;;;; The mode

(defun infill--lighter ()
  "Return our part of the mode line."
  (let ((status (and infill--opened (infill--status infill--opened))))
    (cond ((infill-switched-off) " Infill-")
          ((null status) " Infill…")
          ((numberp (plist-get status :percent))
           ;; Twice, as a mode line is a format.
           (format " Infill %d%%%%" (plist-get status :percent)))
          ((or (eq (plist-get status :busy) t)
               (equal (plist-get status :state) "thinking"))
           " Infill…")
          ((equal (plist-get status :kind) "Error") " Infill!")
          ((equal (plist-get status :kind) "Inactive") " Infill-")
          (t " Infill"))))

;;;###autoload
(define-minor-mode infill-mode
  "Show completions of a local model as ghost text.

\\{infill-ghost-map}"
  :lighter (:eval (infill--lighter))
  (if infill-mode
      (if (executable-find (car infill-command))
          (infill--switch-on)
        (setq infill-mode nil)
        (infill--warn-missing))
    (infill--switch-off)))

(defun infill--tell-evil ()
  "Have Evil repeat what was accepted as a change.
Keys would be pressed again where there is no ghost text."
  (when (fboundp 'evil-declare-change-repeat)
    (mapc #'evil-declare-change-repeat
          '(infill-accept infill-accept-word infill-accept-line))
    (mapc #'evil-declare-ignore-repeat
          '(infill-next infill-previous infill-complete infill-dismiss))))

(defun infill--switch-on ()
  "Follow what happens in the buffer, and open it in the server."
  (infill--tell-evil)
  (add-hook 'before-change-functions #'infill--before-change nil t)
  (add-hook 'after-change-functions #'infill--after-change nil t)
  (add-hook 'post-command-hook #'infill--after-command nil t)
  (add-hook 'kill-buffer-hook #'infill--close nil t)
  (add-hook 'after-save-hook #'infill--saved nil t)
  (dolist (hook infill--menu-hooks)
    (add-hook hook #'infill--menu-changed nil t))
  (infill--edit-switch-on)
  (infill--rest-switch-on)
  (setq infill--failed (delete (infill--workspace) infill--failed))
  ;; For *scratch* and the like a server is started when something is typed.
  (when buffer-file-name
    (let ((connection (infill--connection)))
      (when (infill--ready-p connection) (infill--open connection)))))

(defun infill--switch-off ()
  "Leave the buffer alone."
  (infill-dismiss)
  (infill-drop)
  (infill--edit-switch-off)
  (infill--rest-switch-off)
  (infill--close)
  (remove-hook 'before-change-functions #'infill--before-change t)
  (remove-hook 'after-change-functions #'infill--after-change t)
  (remove-hook 'post-command-hook #'infill--after-command t)
  (remove-hook 'kill-buffer-hook #'infill--close t)
  (remove-hook 'after-save-hook #'infill--saved t)
  (dolist (hook infill--menu-hooks)
    (remove-hook hook #'infill--menu-changed t)))

;;;; As the only server

;;;###autoload
(defun infill-setup-eglot (&optional modes last)
  "Make infill-ls the server of Eglot.
It is the server for MODES, a list of major modes, or for all modes.
With non-nil LAST it is the server for what no other one is known for,
and can be chosen elsewhere by a prefix argument to `eglot'.

There is one server for a buffer in Eglot: to have infill-ls beside
another one, use `infill-mode' instead."
  (require 'eglot)
  (let ((program (append infill-command
                         (list :initializationOptions #'infill--eglot-options))))
    (add-to-list 'eglot-server-programs
                 (cons (or modes '(prog-mode text-mode conf-mode)) program)
                 last)))

(defun infill--eglot-options (_server)
  "Return the settings for a server of Eglot.
Eglot waits for an answer only until the next key, so it may take its
time: the first one after a file was opened does."
  (if (plist-member infill-settings :completionDeadlineMs)
      infill-settings
    (append infill-settings '(:completionDeadlineMs 10000))))

;;;###autoload
(defun infill-setup-lsp-mode ()
  "Have lsp-mode run infill-ls beside the server of the language."
  (require 'lsp-mode)
  (lsp-register-client
   (make-lsp-client :new-connection (lsp-stdio-connection (lambda () infill-command))
                    :activation-fn (lambda (&rest _) t)
                    :add-on? t
                    :priority -1
                    :initialization-options #'infill--settings
                    ;; lsp-mode warns of notifications that it does not know.
                    :notification-handlers (map-into '(("didChangeStatus" . ignore))
                                                     '(hash-table :test equal))
                    :server-id 'infill-ls)))

(provide 'infill)
;;; infill.el ends here
