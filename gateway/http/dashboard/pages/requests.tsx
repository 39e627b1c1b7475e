import type { RequestRecord } from '../../../domain/requestRecord.ts';
import { milliseconds, usd, whole } from './format.ts';
import { Empty, Table } from './table.tsx';
import { PhaseBar } from './waterfall.tsx';
import { Moment } from './words.tsx';

export function Requests({ requests }: { readonly requests: readonly RequestRecord[] }) {
  if (requests.length === 0) return <FirstChat why="No request is in the ledger yet. A first chat:" />;
  const scaleMs = Math.max(...requests.map(({ totalMs }) => totalMs));
  const rows = requests.map((request) => [
    <Moment epochMs={request.arrivedAtEpochMs} />,
    <span class="nowrap">{request.combo ?? '–'}</span>,
    <StartKindOf request={request} />,
    <PhaseBar phases={request.phasesMs} scaleMs={scaleMs} />,
    milliseconds(request.ttftMs),
    milliseconds(request.totalMs),
    `${whole(request.promptTokens)} / ${whole(request.completionTokens)}`,
    usd(request.cost.totalMicroUsd),
    request.errorCode === null ? String(request.httpStatus) : `${request.httpStatus} ${request.errorCode}`,
  ]);
  return (
    <Table
      caption="Last requests"
      head={[
        'Arrived (UTC)',
        'Combo',
        'Start',
        'Phases',
        'First token',
        'Total',
        'Tokens in / out',
        'Cost',
        'Status',
      ]}
      figures={[4, 5, 6, 7]}
      rows={rows}
    />
  );
}

function StartKindOf({ request }: { readonly request: RequestRecord }) {
  const { startKind, joined } = request;
  if (startKind === null) return <span>–</span>;
  return <span class={`kind kind-${startKind}`}>{joined ? `${startKind}, joined` : startKind}</span>;
}

/** The way to a row. */
export function FirstChat({ why }: { readonly why: string }) {
  return (
    <Empty>
      <p>{why}</p>
      <pre tabindex={0} aria-label="Command for a first chat">
        <code>
          {`curl -i http://127.0.0.1:8080/v1/chat/completions -H 'content-type: application/json' \\
  -d '{"model": "tiny-chat", "messages": [{"role": "user", "content": "What color is a banana?"}]}'`}
        </code>
      </pre>
    </Empty>
  );
}
