/** What this package throws: one line that says what to do. The classes are those of the Python runtime. */
export class ADRError extends Error {
  /** @param {string} message */
  constructor(message) {
    super(message);
    this.name = new.target.name;
  }
}

/** An argument is wrong. */
export class InputError extends ADRError {}

/** A bundle is missing, damaged, or none that this runtime runs. */
export class BundleError extends ADRError {}

/** The state of a stream is damaged, or of another bundle. */
export class DamagedFileError extends ADRError {}
