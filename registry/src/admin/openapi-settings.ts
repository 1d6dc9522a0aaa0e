/** What the OpenAPI document says of settings. */
import { answer, count, error, jsonOf, objectOf, ref, text } from './openapi-parts.ts';

const flag = { type: 'boolean' };
const key = { name: 'key', in: 'path', required: true, schema: text };
const noKey = error('There is no such setting, or it takes a restart, or the value is not allowed.');

export const settingSchemas = {
  Setting: objectOf(
    {
      key: text,
      value: { ...text, description: 'Left out where there is none, and for secrets.' },
      default: text,
      dynamic: { ...flag, description: 'May change while Forebay runs.' },
      secret: flag,
      origin: { enum: ['start', 'runtime'] },
      ...{ allowed: text, help: text },
    },
    ['key', 'dynamic', 'secret', 'origin', 'allowed', 'help'],
  ),
  SettingChange: objectOf(
    { key: text, from: text, to: text, at: { ...text, format: 'date-time' }, by: text },
    ['key', 'at', 'by'],
  ),
  AuditEntry: objectOf(
    {
      at: { ...text, format: 'date-time' },
      by: { ...text, description: 'An access key, or `token`.' },
      action: { ...text, description: '`mount.add`, `setting.set`, `job.cancel`, ...' },
      target: { ...text, description: 'What was changed, by its name.' },
      before: { description: 'Without secrets; left out where there was nothing.' },
      after: { description: 'Without secrets; left out where there is nothing.' },
    },
    ['at', 'by', 'action', 'target'],
  ),
};

const one = { parameters: [key], responses: { 200: answer('The setting.', ref('Setting')), 400: noKey } };

export const settingPaths = {
  '/api/v1/settings': {
    get: {
      summary: 'Settings with their values',
      responses: { 200: answer('Settings.', { type: 'array', items: ref('Setting') }) },
    },
  },
  '/api/v1/settings/{key}': {
    get: { summary: 'One setting', ...one },
    put: {
      summary: 'Change a setting everywhere, within a heartbeat; kept across restarts',
      requestBody: { required: true, content: jsonOf(objectOf({ value: text })) },
      ...one,
    },
    delete: { summary: 'Take a change back: as flags, environment and file say', ...one },
  },
  '/api/v1/audit': {
    get: {
      summary: 'Who changed what by this API, the newest first; the latest 1000 changes are kept',
      parameters: [{ name: 'limit', in: 'query', required: false, schema: { ...count, default: 100 } }],
      responses: { 200: answer('Changes.', { type: 'array', items: ref('AuditEntry') }) },
    },
  },
  '/api/v1/setting-changes': {
    get: {
      summary: 'Changes of settings, the newest first',
      responses: { 200: answer('Changes.', { type: 'array', items: ref('SettingChange') }) },
    },
  },
};
