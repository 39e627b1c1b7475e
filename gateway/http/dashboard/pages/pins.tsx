import type { Budget, Failure } from '../../../domain/errors.ts';
import type { PinView } from '../../../shell/pinControl.ts';
import type { ComboView } from '../../../shell/poolControl.ts';
import { bytes, time } from './format.ts';
import { Csrf } from './layout.tsx';
import { State } from './pool.tsx';
import { Empty, Table } from './table.tsx';

/** Why a pin was refused, and what was filled in. */
export interface PinProblem extends Pick<Failure, 'message' | 'capacity'> {
  readonly combo: string;
}

export function Pins({ pins, csrf }: { readonly pins: readonly PinView[]; readonly csrf: string }) {
  if (pins.length === 0) {
    return (
      <Empty>Nothing is pinned. A pin keeps a combo ready, or its weights staged, whatever else comes.</Empty>
    );
  }
  const rows = pins.map((pin) => [
    pin.combo,
    pin.level,
    `${pin.ready} of ${pin.count}`,
    <State name={pin.state} />,
    bytes(pin.bytes),
    pin.untilEpochMs === null ? 'no end' : time(pin.untilEpochMs),
    pin.lastError ?? '',
    pin.source === 'file' ? 'by the configuration' : <Unpin combo={pin.combo} csrf={csrf} />,
  ]);
  return (
    <Table
      caption="Pins"
      head={['Combo', 'Level', 'Ready on', 'State', 'Takes', 'Until (UTC)', 'Last error', 'Remove']}
      figures={[4]}
      rows={rows}
    />
  );
}

function Unpin({ combo, csrf }: { readonly combo: string; readonly csrf: string }) {
  return (
    <form method="post" action="/dashboard/pins/remove">
      <Csrf token={csrf} />
      <input type="hidden" name="combo" value={combo} />
      <button type="submit" id={`unpin-${combo}`} aria-label={`Remove the pin of ${combo}`}>
        Remove
      </button>
    </form>
  );
}

interface PinFormProps {
  readonly csrf: string;
  readonly combos: readonly ComboView[];
  readonly problem: PinProblem | null;
}

export function PinForm({ csrf, combos, problem }: PinFormProps) {
  return (
    <section class="card" aria-labelledby="pin-title">
      <h2 id="pin-title">Pin a combo</h2>
      {problem?.capacity ? <Arithmetic capacity={problem.capacity} /> : null}
      <form method="post" action="/dashboard/pins" class="fields">
        <Csrf token={csrf} />
        <div>
          <label for="pin-combo">Combo</label>
          <input id="pin-combo" name="combo" list="combos" required value={problem?.combo ?? ''} />
          <datalist id="combos">
            {combos.map(({ combo }) => (
              <option value={combo} />
            ))}
          </datalist>
        </div>
        <div>
          <label for="pin-level">Level</label>
          <select id="pin-level" name="level">
            <option value="ready">ready: on a runner</option>
            <option value="staged">staged: weights in memory</option>
          </select>
        </div>
        <div>
          <label for="pin-count">Runners</label>
          <input id="pin-count" name="count" type="number" min="1" step="1" value="1" required />
        </div>
        <div>
          <label for="pin-hours">Hours, empty: no end</label>
          <input id="pin-hours" name="hours" type="number" min="0.01" step="any" />
        </div>
        <button type="submit">Pin</button>
      </form>
    </section>
  );
}

/** The refusal as sums: what it takes, what there is, and who has it. */
function Arithmetic({ capacity }: { readonly capacity: NonNullable<PinProblem['capacity']> }) {
  const { pinned = [], others = [] } = capacity;
  return (
    <div class="arithmetic">
      {[capacity, ...others].map((budget) => (
        <Sum budget={budget} />
      ))}
      {pinned.length === 0 ? null : (
        <Table
          caption="Kept by pins and configuration"
          head={['Pinned', 'Runners', 'Takes']}
          figures={[1, 2]}
          rows={pinned.map(({ combo, count, bytes: takes }) => [combo, String(count), bytes(takes)])}
        />
      )}
    </div>
  );
}

function Sum({ budget }: { readonly budget: Budget }) {
  const { budget: name, neededBytes, budgetBytes, inUse } = budget;
  return (
    <>
      <p>
        {`It needs ${bytes(neededBytes)} of ${name}, which is ${bytes(budgetBytes)}: ${
          neededBytes > budgetBytes
            ? `${bytes(neededBytes - budgetBytes)} too much.`
            : 'what is in use leaves too little.'
        }`}
      </p>
      {inUse.length === 0 ? null : (
        <Table
          caption={`In use of ${name}`}
          head={['Runner', 'Base', 'Holds']}
          figures={[2]}
          rows={inUse.map(({ runner, base, bytes: holds }) => [runner, base ?? 'standby', bytes(holds)])}
        />
      )}
    </>
  );
}
