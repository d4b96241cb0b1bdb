;;; infill-connection.el --- The server of infill.el, and the documents it has  -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The infill-ls authors
;; SPDX-License-Identifier: MIT

;;; Commentary:

;; Starts a server for each workspace, tells it of the settings, and keeps its
;; text of the buffers up to date.

;;; Code:

(require 'cl-lib)
(require 'jsonrpc)
(require 'map)
(require 'project)
(require 'seq)
(require 'subr-x)
(require 'url-util)

(declare-function vc-git-root "vc-git")

(defgroup infill nil
  "Local code completion as ghost text."
  :group 'convenience
  :prefix "infill-")

(defcustom infill-command '("infill-ls" "--stdio")
  "The server: a program and its arguments."
  :type '(repeat string))

(defcustom infill-settings nil
  "Settings of the server, as a property list.
For example (:maxLines 4 :disabledLanguages [\"text\"]).  Set with `setopt'
or Customize, running servers use it at once; set with `setq', when they
are asked next."
  :type 'plist
  :set (lambda (symbol value)
         (set-default symbol value)
         (when (fboundp 'infill--settings-changed)
           (infill--settings-changed))))

;;;; Connections

(defvar-local infill--opened nil
  "The connection whose server has this buffer open.")

(defvar infill--connections (make-hash-table :test #'equal)
  "The running servers, by the root of their workspace.")

(defvar infill--failed nil
  "Roots of workspaces whose server ended while it started.
It is not started again before the user asks for it.")

(defvar infill--warned nil
  "Non-nil if the user knows that there is no server.")

(defvar infill--lost-hook nil
  "Runs in each buffer whose server has gone.")

(defvar infill--grew-hook nil
  "Runs in a buffer when there is more of the suggestion that it got in part.")

(defvar infill--opened-hook nil
  "Runs in each buffer that was opened in a server.")

(defvar infill--progress-functions nil
  "Called with what the server says of the progress of something.")

(defclass infill-connection (jsonrpc-process-connection)
  ((root :initarg :root :reader infill--root)
   (ready :initform nil :accessor infill--ready-p)
   (status :initform nil :accessor infill--status)
   (wants-point :initform nil :accessor infill--wants-point-p)
   (sent :initform nil :accessor infill--sent-settings))
  "A connection to infill-ls.")

(defun infill--remote-p ()
  "Return non-nil if the buffer is of another machine, which TRAMP reaches.
The server runs on this one, and completes from what is in buffers:
nothing is looked up there, which would hold up the keys."
  (file-remote-p (or buffer-file-name default-directory)))

(defun infill--workspace ()
  "Return the root of the current buffer's workspace, or nil.
The home folder is none, nor one above it: all of it would be read.  So
are the folder of a buffer without a file, such as *scratch*, and those
of other machines."
  (unless (infill--remote-p)
    (let* ((project (project-current))
           (folder (cond (project (project-root project))
                         (buffer-file-name default-directory)))
           (root (and folder (file-name-as-directory (expand-file-name folder)))))
      (unless (and root
                   (string-prefix-p root (file-name-as-directory (expand-file-name "~"))))
        root))))

(defun infill--connection ()
  "Return the server for the current buffer; start it if there is none.
Return nil if it could not be started before."
  (let* ((root (infill--workspace))
         (known (gethash root infill--connections)))
    (cond ((and known (jsonrpc-running-p known)) known)
          ((member root infill--failed) nil)
          (t (puthash root (infill--connect root) infill--connections)))))

(defun infill--warn-missing ()
  "Tell once that the server is not installed."
  (unless infill--warned
    (setq infill--warned t)
    (display-warning
     'infill
     (format "There is no program `%s': install the server, in its folder with \
\"pipx install .\", or set `infill-command'.  `infill-mode' stays off." (car infill-command)))))

(defun infill--connect (root)
  "Start a server for the workspace ROOT, or without one if that is nil."
  (let* ((default-directory (or root (expand-file-name "~/")))
         (connection
          (make-instance
           'infill-connection
           :name (format "infill (%s)" (if root (abbreviate-file-name root) "no folder"))
           :root root
           :process (lambda ()
                      (make-process :name "infill-ls"
                                    :command infill-command
                                    :connection-type 'pipe
                                    :coding 'utf-8-emacs-unix
                                    :noquery t
                                    :stderr (get-buffer-create " *infill-ls stderr*")))
           :request-dispatcher #'infill--answer
           :notification-dispatcher #'infill--notified
           :on-shutdown #'infill--closed)))
    (setf (infill--sent-settings connection) (copy-tree infill-settings t))
    (condition-case nil
        (jsonrpc-async-request
         connection :initialize (infill--initialize-params root)
         :success-fn (lambda (result)
                       (setf (infill--wants-point-p connection)
                             (eq t (map-nested-elt
                                    result '(:capabilities :experimental :cursorRests))))
                       (jsonrpc-notify connection :initialized (make-hash-table))
                       (setf (infill--ready-p connection) t)
                       (infill--send-settings connection)
                       (infill--open-buffers connection))
         :error-fn (lambda (error)
                     (message "infill-ls could not start: %s" (plist-get error :message)))
         :timeout 60)
      ;; The process may be gone already, and nobody is to be bothered by an error in a hook.
      (error (infill--closed connection)))
    connection))

(defun infill--initialize-params (root)
  "Return what to tell the server of us, with the workspace ROOT."
  (let ((uri (and root (infill--path-to-uri root))))
    (list :processId (emacs-pid)
          :clientInfo (list :name "infill.el" :version emacs-version)
          :rootUri uri
          :workspaceFolders (and root
                                 (vector (list :uri uri :name (file-name-nondirectory
                                                               (directory-file-name root)))))
          :initializationOptions (infill--settings)
          :capabilities
          ;; A character of Emacs is a character of UTF-32: nothing to convert.
          '( :general (:positionEncodings ["utf-32"])
             :workspace (:configuration t)
             :textDocument (:inlineCompletion (:dynamicRegistration :json-false))
             ;; A suggestion may take the place of brackets right of point.
             ;; Of one that came in part, the whole is asked for when it is there.
             :experimental (:inlineCompletionReplaces t :suggestionGrows t :wrongSettings t)))))

(defun infill--settings ()
  "Return the settings as they are sent."
  (or infill-settings (make-hash-table)))

(defun infill--settings-changed ()
  "Tell the running servers of changed settings."
  (setq infill--told nil)
  (dolist (connection (hash-table-values infill--connections))
    (when (and (jsonrpc-running-p connection) (infill--ready-p connection))
      (infill--send-settings connection))))

(defun infill--send-settings (connection)
  "Send the settings over CONNECTION, unless its server has them."
  (unless (equal (infill--sent-settings connection) infill-settings)
    (setf (infill--sent-settings connection) (copy-tree infill-settings t))
    (jsonrpc-notify connection :workspace/didChangeConfiguration
                    (list :settings (list :infill-ls (infill--settings))))))

(defun infill--answer (_connection method params)
  "Answer the server's request METHOD with PARAMS."
  (pcase method
    ('workspace/configuration
     (apply #'vector (mapcar (lambda (_item) (infill--settings))
                             (plist-get params :items))))
    (_ nil)))

(defun infill--notified (connection method params)
  "Take the server's notification METHOD with PARAMS over CONNECTION."
  (pcase method
    ('didChangeStatus
     (setf (infill--status connection) params)
     (force-mode-line-update t))
    ('infill/suggestionGrew
     (infill--grew connection (map-nested-elt params '(:textDocument :uri))))
    ('infill/wrongSettings
     (infill--warn-of-settings (append (plist-get params :new) nil)))
    ('$/progress
     (run-hook-with-args 'infill--progress-functions params))
    ('window/showMessage
     (message "%s" (plist-get params :message)))))

(defvar infill--told nil
  "What of the settings was told to be wrong, as each server tells of it.")

(defun infill--warn-of-settings (problems)
  "Tell of settings that are wrong, each of which one of PROBLEMS is about."
  (when-let* ((new (seq-difference problems infill--told)))
    (setq infill--told (append new infill--told))
    (display-warning
     'infill
     ;; Of a long warning the end is seen.
     (concat (if (cdr new)
                 (format "%d settings are wrong" (length new))
               "a setting is wrong")
             " ("
             (buttonize "change `infill-settings'"
                        (lambda (_) (customize-option 'infill-settings)))
             " or your init file):"
             (mapconcat (lambda (problem) (concat "\n  " problem)) new)))))

(defun infill--grew (connection uri)
  "Have the buffer with URI that CONNECTION has open ask again."
  (dolist (buffer (buffer-list))
    (with-current-buffer buffer
      (when (and (eq infill--opened connection) (equal (infill--uri) uri))
        (run-hooks 'infill--grew-hook)))))

(defun infill--closed (connection)
  "Forget CONNECTION, whose server has gone."
  (remhash (infill--root connection) infill--connections)
  (unless (or (infill--ready-p connection)
              (member (infill--root connection) infill--failed))
    (push (infill--root connection) infill--failed)
    (message "infill-ls ended while it started; `infill-show-log' shows why"))
  (dolist (buffer (buffer-list))
    (with-current-buffer buffer
      (when (eq infill--opened connection)
        (setq infill--opened nil)
        (run-hooks 'infill--lost-hook)))))

;;;; Documents

(defvar-local infill--version 0
  "The version of the document that the server has, or will have.")

(defvar-local infill--changes nil
  "Changes since the last `didChange', newest first; `full' if they were lost.")

(defvar-local infill--edited nil
  "Non-nil if the text changed since the last command.")

(defvar-local infill--change-begun nil
  "Positions and range of the change that is about to happen.")

(defun infill--path-to-uri (path)
  "Return PATH as a URI."
  (concat "file://" (url-hexify-string (expand-file-name path) url-path-allowed-chars)))

(defun infill--uri ()
  "Return the URI of the buffer."
  (cond ((and buffer-file-name (infill--remote-p))
         ;; No server is to take it for a file of this machine.
         (concat "tramp:" (url-hexify-string buffer-file-name url-path-allowed-chars)))
        (buffer-file-name (infill--path-to-uri (file-truename buffer-file-name)))
        ((infill--vc-uri))
        (t (concat "untitled:" (url-hexify-string (buffer-name))))))

(defun infill--vc-uri ()
  "Return the URI of VC's buffer for the message of a commit, nil in others.
It tells the server which files of which repository are committed."
  (when-let* (((derived-mode-p 'vc-git-log-edit-mode))
              ((not (infill--remote-p)))
              (files (bound-and-true-p vc-log-fileset))
              (root (vc-git-root default-directory)))
    (concat "vc-log:" (url-hexify-string (buffer-name))
            "?rootUri=" (url-hexify-string (infill--path-to-uri root))
            (mapconcat (lambda (file)
                         (concat "&file=" (url-hexify-string (file-relative-name file root))))
                       files))))

(defun infill--document ()
  "Return the buffer's identifier."
  (list :uri (infill--uri)))

(defun infill--language ()
  "Return the language id of the buffer, guessed from its major mode."
  (if (infill--commit-message-p)
      "git-commit"
    (string-remove-suffix
     "-ts" (string-remove-suffix "-mode" (symbol-name major-mode)))))

(defun infill--commit-message-p ()
  "Return non-nil if the buffer is for the message of a commit.
That is one of Magit, of VC, or of Git itself."
  (or (bound-and-true-p git-commit-mode)
      (derived-mode-p 'vc-git-log-edit-mode)
      (and buffer-file-name
           (equal "COMMIT_EDITMSG" (file-name-nondirectory buffer-file-name)))))

(defun infill--position (&optional position)
  "Return POSITION, or point, as the server has it."
  (save-excursion
    (save-restriction
      (widen)
      (when position (goto-char position))
      (list :line (1- (line-number-at-pos nil t))
            :character (- (point) (pos-bol))))))

(defun infill--text ()
  "Return the whole text of the buffer."
  (save-restriction
    (widen)
    (buffer-substring-no-properties (point-min) (point-max))))

(defun infill--open-buffers (connection)
  "Open the buffers that have waited for CONNECTION."
  (dolist (buffer (buffer-list))
    (with-current-buffer buffer
      (when (and (bound-and-true-p infill-mode)
                 (eq connection (infill--connection)))
        (infill--open connection)))))

(defun infill--open (connection)
  "Open the buffer in the server of CONNECTION, if that has not happened."
  (unless (eq infill--opened connection)
    (setq infill--opened connection
          infill--changes nil)
    (jsonrpc-notify connection :textDocument/didOpen
                    (list :textDocument
                          (list :uri (infill--uri)
                                :languageId (infill--language)
                                :version (cl-incf infill--version)
                                :text (infill--text))))
    (run-hooks 'infill--opened-hook)))

(defun infill--saved ()
  "Tell the server that the buffer was saved.
It is to see what has changed on disk then."
  (when (and infill--opened (jsonrpc-running-p infill--opened))
    (jsonrpc-notify infill--opened :textDocument/didSave
                    (list :textDocument (infill--document)))))

(defun infill--close ()
  "Close the buffer in its server."
  (when (and infill--opened (jsonrpc-running-p infill--opened))
    (jsonrpc-notify infill--opened :textDocument/didClose
                    (list :textDocument (infill--document))))
  (setq infill--opened nil))

(defun infill--before-change (beginning end)
  "Remember the range from BEGINNING to END as it is before a change."
  (when infill--opened
    (setq infill--change-begun
          (list beginning end (infill--position beginning) (infill--position end)))))

(defun infill--after-change (beginning end length)
  "Record that LENGTH characters at BEGINNING became the text up to END."
  (setq infill--edited t)
  (when infill--opened
    (pcase-let ((`(,first ,last ,from ,to) infill--change-begun))
      (setq infill--change-begun nil)
      (if (and (listp infill--changes)
               (eql beginning first)
               (eql length (- last first)))
          (push (list :range (list :start from :end to)
                      :text (buffer-substring-no-properties beginning end))
                infill--changes)
        ;; Some commands announce one range and change another: send it all.
        (setq infill--changes 'full)))))

(defun infill--flush ()
  "Bring the server's text up to date."
  (when infill--changes
    (let ((changes (if (listp infill--changes)
                       (apply #'vector (reverse infill--changes))
                     (vector (list :text (infill--text))))))
      (setq infill--changes nil)
      (jsonrpc-notify infill--opened :textDocument/didChange
                      (list :textDocument (list :uri (infill--uri)
                                                :version (cl-incf infill--version))
                            :contentChanges changes)))))

(provide 'infill-connection)
;;; infill-connection.el ends here
