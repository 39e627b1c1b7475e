import { describe, expect, it } from 'vitest';
import { deviceName } from '../../gateway/domain/ids.ts';
import { localName, scopeTo } from '../../gateway/shell/processes/deviceScope.ts';
import { devicesOf } from '../../gateway/shell/processes/findDevices.ts';

describe('scopeTo()', () => {
  it('shows a process one device of its family and none of the others', () => {
    expect(scopeTo(deviceName('CUDA1'), {})).toEqual({ CUDA_VISIBLE_DEVICES: '1', HIP_VISIBLE_DEVICES: '' });
    expect(scopeTo(deviceName('ROCm0'), {})).toEqual({ CUDA_VISIBLE_DEVICES: '', HIP_VISIBLE_DEVICES: '0' });
  });

  it('counts among those that the gateway itself was given', () => {
    const outer = { CUDA_VISIBLE_DEVICES: '4, GPU-8932f937' };
    expect(scopeTo(deviceName('CUDA0'), outer)).toMatchObject({ CUDA_VISIBLE_DEVICES: '4' });
    expect(scopeTo(deviceName('CUDA1'), outer)).toMatchObject({ CUDA_VISIBLE_DEVICES: 'GPU-8932f937' });
  });

  it('shows none to a process that is for none, and leaves all as they are to one that looks for them', () => {
    expect(scopeTo(null, {})).toEqual({ CUDA_VISIBLE_DEVICES: '', HIP_VISIBLE_DEVICES: '' });
    expect(scopeTo('all', { CUDA_VISIBLE_DEVICES: '3' })).toEqual({});
  });
});

describe('localName()', () => {
  it('is the first of its family, since the process sees no other; of a family that is not hidden its own', () => {
    expect(localName(deviceName('CUDA3'))).toBe('CUDA0');
    expect(localName(deviceName('Vulkan1'))).toBe('Vulkan1');
  });
});

describe('devicesOf()', () => {
  it('takes those that have memory of their own, and a measured share for what a process takes untold', () => {
    const found = (name: string, kind: string, contextBytes: number | null) => ({
      ...{ name, kind, contextBytes },
      ...{ totalBytes: 80e9, freeBytes: 79e9, busId: name === 'CPU' ? null : '0000:3b:00.0' },
    });
    const devices = [found('CUDA0', 'gpu', 5e8), found('CUDA1', 'gpu', null), found('CPU', 'cpu', null)];
    expect(devicesOf({ name: 'llama.cpp', devices })).toEqual([
      { name: 'CUDA0', totalBytes: 80e9, contextBytes: 5e8, busId: '0000:3b:00.0' },
      { name: 'CUDA1', totalBytes: 80e9, contextBytes: 600 * 2 ** 20, busId: '0000:3b:00.0' },
    ]);
  });
});
