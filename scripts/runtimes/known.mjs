// What does not pass in a runtime because of that runtime, each with its reason. What is listed here is run all the
// same, and fails the run where it passes: so the list is never longer than it must be. `never` marks what cannot be
// begun, since it hangs or ends the process; without a `test` that is a whole file.

/**
 * `runtimes`: names in runtimes.mjs. `file`: from the folder of the project. `test`: its full name, or a pattern of it.
 */
export const known = [];
