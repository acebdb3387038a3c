// A browser starts no worker from a page that was opened as a file, and the search is one. Here a hidden frame does
// its work: what the worker's script takes for its own scope is the frame's window.
if (location.protocol === "file:") {
  window.Worker = class {
    constructor(address) {
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      document.body.append(this.frame);
      this.scope = this.frame.contentWindow;
      this.scope.postMessage = (data) => this.onmessage?.(new MessageEvent("message", { data }));
      this.loaded = new Promise((resolve) => {
        const script = this.scope.document.createElement("script");
        script.src = address;
        script.onload = resolve;
        script.onerror = () => this.onerror?.(new ErrorEvent("error"));
        this.scope.document.body.append(script);
      });
    }

    postMessage(data) {
      this.loaded.then(() => this.scope.dispatchEvent(new MessageEvent("message", { data })));
    }

    terminate() {
      this.frame.remove();
    }
  };
}
