import type { Catalogue, CatalogueModel } from '../domain/catalogue.ts';
import type { Combo } from '../domain/combo.ts';
import type { Failure } from '../domain/errors.ts';
import type { ComboKey, ComboName, DeviceName, RequestId, RunnerId, SegmentKey } from '../domain/ids.ts';
import type { AdoptedCombo } from './adoption.ts';
import type { Bytes } from './bytes.ts';
import type { FoundDevice } from './devices.ts';
import type { PastTime } from './pastTimes.ts';
import type { Pin, PinLevel } from './pins.ts';
import type { SegmentBook } from './segments.ts';
import type { TokenUsage, WaitTerms } from './terms.ts';
import type { LikelyCombo } from './warmAhead.ts';

export type HangCause = 'silent' | 'stalled';

/** Facts that reach the pool. Nothing in them asks for anything but the `…Asked`. */
export type PoolEvent =
  | {
      readonly type: 'requestArrived';
      readonly requestId: RequestId;
      readonly combo: Combo;
      /** Infinity: never by idleness. undefined: the model's ttl. */
      readonly keepAliveMs: number | undefined;
      /** PLAIN_TERMS unless given. */
      readonly terms?: WaitTerms;
    }
  /** The client of a waiting request has left. */
  | { readonly type: 'clientGone'; readonly requestId: RequestId }
  /** A granted request has ended, however. Without `usage` nobody knows what it took. */
  | { readonly type: 'requestEnded'; readonly requestId: RequestId; readonly usage?: TokenUsage }
  /** The process has shaken hands: it is a standby. */
  | { readonly type: 'runnerUp'; readonly runnerId: RunnerId }
  /** A runner of an earlier gateway is this one's now; it was found fit by `judgeAdoption` and holds nothing else. */
  | {
      readonly type: 'runnerAdopted';
      readonly runnerId: RunnerId;
      readonly model: CatalogueModel;
      readonly device: DeviceName | null;
      readonly weights: Bytes;
      /** It has the weights from their source; absent: from the weight store. */
      readonly atSource?: boolean;
      readonly threads: number;
      readonly combos: readonly AdoptedCombo[];
    }
  /** The same for one without a base. */
  | { readonly type: 'standbyAdopted'; readonly runnerId: RunnerId; readonly device: DeviceName | null }
  /** The same for one that sleeps. */
  | {
      readonly type: 'sleeperAdopted';
      readonly runnerId: RunnerId;
      readonly model: CatalogueModel;
      readonly device: DeviceName | null;
      /** It has the weights from their source; absent: from the weight store. */
      readonly atSource?: boolean;
      readonly keptBytes: number;
    }
  /** What a process found on this machine. */
  | { readonly type: 'devicesFound'; readonly devices: readonly FoundDevice[] }
  /** After an order to load, or to wake. Of the weights it is not known yet how much is on the device. */
  | {
      readonly type: 'runnerLoaded';
      readonly runnerId: RunnerId;
      readonly weightBytes: number;
      /** It read the source, not the weight store; absent: as it was ordered. */
      readonly atSource?: boolean;
    }
  /** It has given back its base and keeps so many bytes of its file in host memory. */
  | { readonly type: 'runnerAsleep'; readonly runnerId: RunnerId; readonly keptBytes: number }
  | {
      readonly type: 'comboReady';
      readonly runnerId: RunnerId;
      readonly comboKey: ComboKey;
      readonly kvBytes: number;
      readonly computeBytes: number;
      /** On a device: what it has of these two, and of the base's weights. */
      readonly onDevice?: { readonly contextBytes: number; readonly weightBytes: number };
    }
  | {
      readonly type: 'comboFailed';
      readonly runnerId: RunnerId;
      readonly comboKey: ComboKey;
      readonly failure: Failure;
    }
  /** The runner has a context of so many sequences for the combo, which takes its new requests. */
  | {
      readonly type: 'comboResized';
      readonly runnerId: RunnerId;
      readonly comboKey: ComboKey;
      readonly sequences: number;
      readonly kvBytes: number;
      readonly computeBytes: number;
    }
  /** The combo has the context that it had. */
  | {
      readonly type: 'comboResizeFailed';
      readonly runnerId: RunnerId;
      readonly comboKey: ComboKey;
      readonly failure: Failure;
    }
  /** The contexts that the one of so many sequences has replaced have gone. */
  | {
      readonly type: 'contextsRetired';
      readonly runnerId: RunnerId;
      readonly comboKey: ComboKey;
      readonly sequences: number;
    }
  | { readonly type: 'comboDetached'; readonly runnerId: RunnerId; readonly comboKey: ComboKey }
  /** The runner could not spawn, shake hands or load; its process may still live. */
  | { readonly type: 'runnerFailed'; readonly runnerId: RunnerId; readonly failure: Failure }
  /** Its process lives, but does not answer (`silent`), or answers and does not get on (`stalled`), for so long. */
  | {
      readonly type: 'runnerHung';
      readonly runnerId: RunnerId;
      readonly cause: HangCause;
      readonly forMs: number;
    }
  /** The process is gone. */
  | {
      readonly type: 'runnerExited';
      readonly runnerId: RunnerId;
      readonly failure: Failure;
      /** Somebody else has ended it: no fault of what it held. */
      readonly byOthers?: true;
    }
  /** What is in the weight store already. */
  | {
      readonly type: 'segmentsFound';
      readonly segments: readonly {
        readonly key: SegmentKey;
        readonly contentId: string;
        readonly book: SegmentBook;
        readonly bytes: number;
      }[];
    }
  /** It is in the weight store, whole and verified. `tookMs`: what that took; null: it was there. */
  | {
      readonly type: 'segmentStaged';
      readonly key: SegmentKey;
      readonly contentId: string;
      readonly tookMs: number | null;
    }
  /** It could not be staged. */
  | { readonly type: 'segmentLost'; readonly key: SegmentKey }
  /** An order to drop it was carried out, or somebody on this host uses it. */
  | { readonly type: 'segmentDropped'; readonly key: SegmentKey; readonly isGone: boolean }
  /** The client of a waiting request is to be told its runner and kind, if they can be promised. */
  | { readonly type: 'promiseAsked'; readonly requestId: RequestId }
  | { readonly type: 'warmAsked'; readonly orderId: string; readonly combo: Combo }
  /** Who is likely to be asked for within `horizonMs`; what is started for them takes no more than `budgetBytes`. */
  | {
      readonly type: 'demandExpected';
      readonly likely: readonly LikelyCombo[];
      readonly budgetBytes: number;
      readonly horizonMs: number;
    }
  | { readonly type: 'evictAsked'; readonly orderId: string; readonly combo: Combo }
  | { readonly type: 'liftAsked'; readonly orderId: string; readonly combo: Combo }
  | { readonly type: 'drainAsked'; readonly orderId: string; readonly runnerId: RunnerId }
  | { readonly type: 'sleepAsked'; readonly orderId: string; readonly runnerId: RunnerId }
  | { readonly type: 'wakeAsked'; readonly orderId: string; readonly runnerId: RunnerId }
  | {
      readonly type: 'pinAsked';
      readonly orderId: string;
      readonly combo: Combo;
      readonly level: PinLevel;
      readonly count: number;
      /** Infinity: without end. */
      readonly untilMs: number;
    }
  | { readonly type: 'unpinAsked'; readonly orderId: string; readonly combo: ComboName }
  /** Pins of an earlier life of the gateway. */
  | { readonly type: 'pinsRestored'; readonly pins: readonly Pin[] }
  /** What was measured in earlier lives of the gateway, the oldest first; told before anything else. */
  | { readonly type: 'timesKnown'; readonly times: readonly PastTime[] }
  | { readonly type: 'shutdownAsked' }
  | { readonly type: 'catalogueChanged'; readonly catalogue: Catalogue }
  /** The next deadline has come (deadlines.ts, nextDeadlineMs). */
  | { readonly type: 'deadlineDue' }
  | { readonly type: 'tick' };
