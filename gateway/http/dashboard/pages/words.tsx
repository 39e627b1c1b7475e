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
