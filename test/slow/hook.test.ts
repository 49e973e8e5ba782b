import { describe } from 'vitest';
import { lab } from '../daemon/lab.ts';
import { attackSuite } from '../hook/attacks.ts';
import { engineHookSuite } from '../hook/engine.ts';
import { exportHookSuite } from '../hook/export.ts';
import { refusalSuite } from '../hook/install.ts';
import { moduleSuite } from '../hook/module.ts';
import { ownStoreSuite } from '../hook/own-store.ts';
import { hookSuite } from '../hook/suite.ts';
import { viewSuite } from '../hook/views.ts';

describe.each(['2.26', '2.34'])('Nix %s', (version) => {
  describe('cache mounts', () => {
    hookSuite(lab(version));
  });
  describe('attacks', () => {
    attackSuite(lab(version));
  });
  describe('views', () => {
    viewSuite(lab(version));
  });
  describe('drydock build', () => {
    engineHookSuite(lab(version));
  });
  describe('nix build on the export', () => {
    exportHookSuite(lab(version));
  });
  describe('own store', () => {
    ownStoreSuite(lab(version));
  });
  describe('what the installation refuses', () => {
    refusalSuite(lab(version));
  });
  describe('the NixOS module', () => {
    moduleSuite(lab(version));
  });
});
