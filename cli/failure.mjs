/** An error whose one sentence is all that the user needs: it is printed without a stack. */
export function failure(message, cause) {
  return Object.assign(new Error(message, { cause }), { expected: true });
}
