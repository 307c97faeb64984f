// Executes a notebook when it is opened: JupyterLab has no setting for that.
//
// Only a notebook whose metadata says {"quartier": {"run_on_open": true}}. One that is opened again while its kernel is at work is
// left alone where it still shows a widget, which goes on with that kernel. Written by hand as what a bundler would make of an extension, so that there is
// nothing to build: the container that JupyterLab asks for a module by name, the module with one plugin. It needs nothing of
// JupyterLab but the application that every plugin is given.

(function () {
  const ASKS = "quartier";
  const RUN = "notebook:run-all-cells";
  const VIEW = "application/vnd.jupyter.widget-view+json";

  /** Whether a widget of the main area is a notebook that asks to be executed. */
  function asks(widget) {
    const model = widget && widget.content && widget.content.model;
    const notebook = model && model.sharedModel;
    if (!notebook || typeof notebook.getMetadata !== "function") return false;
    const metadata = notebook.getMetadata(ASKS);
    return Boolean(metadata && metadata.run_on_open === true);
  }

  /** Whether the kernel has executed nothing yet. */
  async function isNew(kernel) {
    const silent = { code: "", silent: true, store_history: false };
    const reply = await kernel.requestExecute(silent).done;
    return reply.content.status === "ok" && reply.content.execution_count <= 1;
  }

  /** Whether the notebook shows a widget, which is alive as long as the kernel that made it. */
  function showsWidget(widget) {
    const cells = widget.content.model.sharedModel.cells;
    return cells.some((cell) => cell.cell_type === "code" && cell.getOutputs().some((one) => one.data && VIEW in one.data));
  }

  function activate(app) {
    const seen = new WeakSet();

    async function look() {
      const widget = app.shell.currentWidget;
      if (!widget || !widget.context || !widget.sessionContext || seen.has(widget)) return;
      seen.add(widget);
      await widget.context.ready;
      if (!asks(widget)) return;
      await widget.sessionContext.ready;
      const session = widget.sessionContext.session;
      if (!session || !session.kernel) return;
      if (!(await isNew(session.kernel)) && showsWidget(widget)) return;
      if (app.shell.currentWidget === widget && !widget.isDisposed) await app.commands.execute(RUN);
      else seen.delete(widget); // the command runs the notebook in front: when this one is there again
    }

    app.restored.then(function () {
      app.shell.currentChanged.connect(look);
      return look();
    });
  }

  const plugin = { id: "quartier:run-on-open", autoStart: true, activate: activate };
  const modules = { "./extension": { __esModule: true, default: plugin } };

  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB.quartier = {
    init: function () {},
    get: async function (name) {
      if (!(name in modules)) throw new Error("quartier has no module " + name);
      return () => modules[name];
    },
  };
})();
