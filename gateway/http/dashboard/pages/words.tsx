import { time } from './format.ts';

/** A list in words, which breaks between its parts alone. */
export function Words({ parts }: { readonly parts: readonly string[] }) {
  if (parts.length === 0) return <span>–</span>;
  return (
    <>
      {parts.map((part, index) => (
        <>
          {index === 0 ? '' : ' '}
          <span class="nowrap">{index < parts.length - 1 ? `${part},` : part}</span>
        </>
      ))}
    </>
  );
}

/** UTC, to the second; it breaks between date and time alone. */
export function Moment({ epochMs }: { readonly epochMs: number }) {
  const [date, clock] = time(epochMs).split(' ');
  return (
    <>
      <span class="nowrap">{date}</span> <span class="nowrap">{clock}</span>
    </>
  );
}
