import { describe, expect, test } from '@jest/globals';
import { isInternalAddress } from '../../../src/signing/outside/addresses.ts';

describe('N30 outside requests', () => {
  test.each([
    '0.0.0.0',
    '10.0.0.1',
    '100.64.0.1',
    '100.100.100.200',
    '127.0.0.1',
    '127.255.255.254',
    '168.63.129.16',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.0.0.192',
    '192.168.1.1',
    '198.18.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::ffff:8.8.8.8',
    '::127.0.0.1',
    '64:ff9b::7f00:1',
    '64:ff9b:1::1',
    'fd00:ec2::254',
    'fc00::1',
    'fe80::1',
    'fe80::1%eth0',
    '2606:4700::1111%eth0',
    'ff02::1',
    '2001::1',
    '2001:db8::1',
    '2002:7f00:1::1',
    '4000::1',
    'localhost',
    '2130706433',
    '0x7f.1',
    '',
  ])('are never sent to %s', (address) => {
    expect(isInternalAddress(address)).toBe(true);
  });

  test.each(['8.8.8.8', '140.82.121.3', '172.15.255.255', '172.32.0.1', '2606:4700::1111', '2a00:1450:4001::200e'])(
    'may be sent to %s',
    (address) => {
      expect(isInternalAddress(address)).toBe(false);
    },
  );
});
