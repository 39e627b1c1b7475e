import type { Child } from 'hono/jsx';

interface Table {
  readonly caption: string;
  readonly head: readonly string[];
  /** Columns of figures, by their index. */
  readonly figures?: readonly number[];
  readonly id?: string;
  readonly rows: readonly (readonly Child[])[];
}

/** A table that scrolls by itself where the screen is too narrow. The first cell of a row is its heading. */
export function Table({ caption, head, rows, figures = [], id }: Table) {
  const classOf = (column: number) => (figures.includes(column) ? 'figure' : undefined);
  return (
    <div class="scroll" role="region" aria-label={caption} tabindex={0}>
      <table {...(id === undefined ? {} : { id })}>
        <caption class="hidden">{caption}</caption>
        <thead>
          <tr>
            {head.map((title, column) => (
              <th scope="col" class={classOf(column)}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((cells) => (
            <tr>
              {cells.map((cell, column) =>
                column === 0 ? <th scope="row">{cell}</th> : <td class={classOf(column)}>{cell}</td>,
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** What stands where there is nothing yet, and what to do. */
export function Empty({ children }: { readonly children?: Child }) {
  return <div class="empty">{children}</div>;
}
