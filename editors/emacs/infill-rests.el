;;; infill-rests.el --- Tell the server where point rests  -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The infill-ls authors
;; SPDX-License-Identifier: MIT

;;; Commentary:

;; A server that wants to know it can read there ahead of the keys.

;;; Code:

(require 'infill-connection)
(require 'infill-ghost)

(defconst infill--rest-seconds 0.3
  "After so many seconds without a key point rests.")

(defvar-local infill--rest-timer nil
  "Runs when point rests.")

(defvar-local infill--rest-point nil
  "Where point was after the last command.")

(defun infill--rest-after-command ()
  "Tell the server of point when it has moved and rests."
  (unless (eql (point) infill--rest-point)
    (setq infill--rest-point (point))
    (infill--tell-of-point infill--rest-seconds)))

(defun infill--rest-shown (&optional window)
  "Tell the server of point in the buffer of WINDOW, which has come to be shown.
Without WINDOW that is the current buffer."
  (with-current-buffer (if window (window-buffer window) (current-buffer))
    (infill--tell-of-point 0)))

(defun infill--rest-focused ()
  "Tell the server of point when Emacs gets the focus."
  (with-current-buffer (window-buffer)
    (when (frame-focus-state) (infill--tell-of-point 0))))

(defun infill--tell-of-point (seconds)
  "Tell the server of point when SECONDS have passed without a key."
  (when (and infill--opened (infill--wants-point-p infill--opened))
    (when infill--rest-timer (cancel-timer infill--rest-timer))
    (setq infill--rest-timer
          (run-with-idle-timer seconds nil #'infill--point-rests (current-buffer)))))

(defun infill--point-rests (buffer)
  "Tell the server of point in BUFFER, if that is still looked at.
A suggestion that is typed through has its place computed already."
  (when (eq buffer (window-buffer))
    (with-current-buffer buffer
      (when (and infill--opened (not (infill--visible-p)))
        (infill--flush)
        (jsonrpc-notify infill--opened :infill/cursorRests
                        (list :textDocument (infill--document)
                              :position (infill--position)))))))

(defun infill--rest-switch-on ()
  "Follow point in the buffer."
  (add-hook 'post-command-hook #'infill--rest-after-command 20 t)
  (add-hook 'window-buffer-change-functions #'infill--rest-shown nil t)
  (add-hook 'window-selection-change-functions #'infill--rest-shown nil t)
  (add-function :after after-focus-change-function #'infill--rest-focused))

(defun infill--rest-switch-off ()
  "Follow it no longer."
  (when infill--rest-timer (cancel-timer infill--rest-timer))
  (remove-hook 'post-command-hook #'infill--rest-after-command t)
  (remove-hook 'window-buffer-change-functions #'infill--rest-shown t)
  (remove-hook 'window-selection-change-functions #'infill--rest-shown t))

(add-hook 'infill--opened-hook #'infill--rest-shown)

(provide 'infill-rests)
;;; infill-rests.el ends here
