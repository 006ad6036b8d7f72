// Reads rendered manifests and refuses what an API server with strict field validation would refuse, without one.
//
//   node check.mjs FILE...              a line for each fault, exit 1 when there is any
//   node check.mjs --refused FILE...    each file must be refused for the reason in its line `# expect: ...`
//
// Fields, types and which of them are required come from the published Kubernetes client (its attribute maps
// and declarations, API 1.33). A kind that it does not know is a fault too: nothing passes unread. Above the
// schema stand the mistakes that a schema cannot see: a name that refers to nothing, a pod that is not locked down.
import {createRequire} from 'node:module';
import {readFileSync, existsSync} from 'node:fs';
import path from 'node:path';

const require = createRequire(path.join(process.env.SCHEMA_MODULES ?? process.cwd(), 'package.json'));
const client = require('@kubernetes/client-node');
const yaml = require('js-yaml');
const models = path.join(path.dirname(require.resolve('@kubernetes/client-node')), 'gen', 'models');

const faults = [];
let where = '';
const fault = (at, what) => faults.push(`${where}: ${at}: ${what}`);

/// The class of an object: V1Deployment, V2HorizontalPodAutoscaler, CoreV1Event.
function model_of(object) {
  const version = String(object.apiVersion ?? '').split('/').pop();
  const stem = version.charAt(0).toUpperCase() + version.slice(1) + object.kind;
  return [stem, 'Core' + stem, 'Events' + stem, 'Discovery' + stem].find(name => client[name]?.getAttributeTypeMap);
}

const required_by_model = new Map();
/// Fields without `?` in the declaration of a model.
function required_of(model) {
  if (!required_by_model.has(model)) {
    const file = path.join(models, model + '.d.ts');
    const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
    required_by_model.set(model, [...text.matchAll(/^ {4}'([A-Za-z$]+)': /gm)].map(match => match[1]));
  }
  return required_by_model.get(model);
}

const kind_of = value => value === null ? 'null' : Array.isArray(value) ? 'list' : typeof value;
const quantity = /^[+-]?[0-9.]+([eE][+-]?[0-9]+|[numkMGTPE]|[KMGTPE]i)?$/;

function walk(value, type, format, at) {
  if (value === null) return;
  let match = /^Array<(.+)>$/.exec(type);
  if (match) {
    if (!Array.isArray(value)) return fault(at, `a list is wanted, found ${kind_of(value)}`);
    return value.forEach((item, i) => walk(item, match[1], format, `${at}[${i}]`));
  }
  match = /^\{ \[key: string\]: (.+); \}$/.exec(type);
  if (match) {
    if (kind_of(value) !== 'object') return fault(at, `a map is wanted, found ${kind_of(value)}`);
    return Object.entries(value).forEach(([key, item]) => {
      const amount = /\.(limits|requests|hard|capacity)$/.test(at);
      if (amount && quantity.test(String(item))) return;
      if (amount) return fault(`${at}.${key}`, `'${item}' is no quantity`);
      walk(item, match[1], format, `${at}.${key}`);
    });
  }
  if (type === 'any' || type === 'object') return;
  if (type === 'IntOrString' || format === 'int-or-string')
    return ['number', 'string'].includes(kind_of(value)) ? undefined : fault(at, `a number or a string is wanted, found ${kind_of(value)}`);
  if (type === 'Date' || type === 'V1MicroTime') return;
  if (['string', 'number', 'boolean'].includes(type)) {
    if (kind_of(value) === type) return;
    if (type === 'string' && kind_of(value) === 'number' && /sizeLimit|storage/.test(at)) return;
    return fault(at, `a ${type} is wanted, found ${kind_of(value)} (${JSON.stringify(value)})`);
  }
  const model = client[type];
  if (!model?.getAttributeTypeMap) return fault(at, `the schema has no type ${type}`);
  if (kind_of(value) !== 'object') return fault(at, `an object is wanted, found ${kind_of(value)}`);
  const fields = new Map(model.getAttributeTypeMap().map(field => [field.baseName, field]));
  for (const [key, item] of Object.entries(value)) {
    const field = fields.get(key);
    if (!field) fault(`${at}.${key}`, `unknown field of ${type}`);
    else walk(item, field.type, field.format, `${at}.${key}`);
  }
  for (const key of required_of(type))
    if (value[key] === undefined || value[key] === null) fault(at, `required field ${key} of ${type} is missing`);
}

/// What no schema says: references inside one rendering, and the rules that every pod of ours keeps.
function cross_check(objects) {
  const named = kind => new Map(objects.filter(o => o.kind === kind).map(o => [o.metadata?.name, o]));
  const configs = named('ConfigMap'), secrets = named('Secret'), claims = named('PersistentVolumeClaim');
  const accounts = named('ServiceAccount'), classes = named('StorageClass');
  const workloads = objects.filter(o => ['Deployment', 'StatefulSet', 'DaemonSet', 'Job'].includes(o.kind));
  for (const o of objects) {
    if (['ConfigMap', 'Secret'].includes(o.kind)) continue;
    const cluster_wide = ['Namespace', 'StorageClass', 'ClusterRole', 'ClusterRoleBinding', 'PersistentVolume'].includes(o.kind);
    if (!cluster_wide && !o.metadata?.namespace) fault(`${o.kind}/${o.metadata?.name}`, 'has no namespace');
  }
  for (const c of [...claims.values(), ...workloads.flatMap(o => o.spec?.volumeClaimTemplates ?? [])])
    if (c.spec?.storageClassName && !classes.has(c.spec.storageClassName))
      fault(`PersistentVolumeClaim/${c.metadata?.name}`, `no StorageClass ${c.spec.storageClassName}`);
  for (const [name, o] of classes)
    if (o.provisioner === 'driver.longhorn.io' && !(Number(o.parameters?.numberOfReplicas) >= 2))
      fault(`StorageClass/${name}`, 'keeps less than two replicas: the loss of a node would lose its volumes');
  for (const o of workloads) {
    const name = `${o.kind}/${o.metadata.name}`, template = o.spec?.template, pod = template?.spec;
    if (!pod) continue;
    const labels = template.metadata?.labels ?? {};
    for (const [key, value] of Object.entries(o.spec.selector?.matchLabels ?? {}))
      if (labels[key] !== value) fault(name, `selector ${key}=${value} does not match the template's labels`);
    const volumes = new Set([...(pod.volumes ?? []), ...(o.spec.volumeClaimTemplates ?? []).map(c => ({name: c.metadata.name}))].map(v => v.name));
    for (const v of pod.volumes ?? []) {
      const config = v.configMap?.name, secret = v.secret?.secretName, claim = v.persistentVolumeClaim?.claimName;
      if (config && !configs.has(config)) fault(name, `volume ${v.name}: no ConfigMap ${config}`);
      if (secret && !secrets.has(secret)) fault(name, `volume ${v.name}: no Secret ${secret}`);
      if (claim && !claims.has(claim)) fault(name, `volume ${v.name}: no PersistentVolumeClaim ${claim}`);
      for (const item of v.configMap?.items ?? [])
        if (config && configs.has(config) && !(item.key in (configs.get(config).data ?? {}))) fault(name, `volume ${v.name}: ${config} has no key ${item.key}`);
      for (const item of v.secret?.items ?? [])
        if (secret && secrets.has(secret) && !(item.key in {...secrets.get(secret).data, ...secrets.get(secret).stringData})) fault(name, `volume ${v.name}: ${secret} has no key ${item.key}`);
    }
    if (pod.serviceAccountName && !accounts.has(pod.serviceAccountName)) fault(name, `no ServiceAccount ${pod.serviceAccountName}`);
    if (pod.securityContext?.runAsNonRoot !== true) fault(name, 'runAsNonRoot is not true');
    if (!pod.securityContext?.seccompProfile) fault(name, 'no seccompProfile');
    if (pod.automountServiceAccountToken !== false && !pod.serviceAccountName) fault(name, 'mounts the default service account token');
    for (const c of [...(pod.initContainers ?? []), ...(pod.containers ?? [])]) {
      const at = `${name}/${c.name}`;
      for (const m of c.volumeMounts ?? []) if (!volumes.has(m.name)) fault(at, `mounts volume ${m.name}, which does not exist`);
      if (c.securityContext?.allowPrivilegeEscalation !== false) fault(at, 'allowPrivilegeEscalation is not false');
      if (c.securityContext?.readOnlyRootFilesystem !== true) fault(at, 'its root file system is writable');
      if (!(c.securityContext?.capabilities?.drop ?? []).includes('ALL')) fault(at, 'does not drop ALL capabilities');
      if (!c.resources?.limits?.memory) fault(at, 'has no memory limit');
      if (!/[:@]/.test(c.image ?? '')) fault(at, `image ${c.image} names no tag`);
      for (const e of c.env ?? []) {
        const ref = e.valueFrom?.secretKeyRef;
        if (ref && !secrets.has(ref.name)) fault(at, `env ${e.name}: no Secret ${ref.name}`);
        else if (ref && !(ref.key in {...secrets.get(ref.name).data, ...secrets.get(ref.name).stringData})) fault(at, `env ${e.name}: ${ref.name} has no key ${ref.key}`);
      }
    }
  }
  for (const service of objects.filter(o => o.kind === 'Service' && o.spec?.selector)) {
    const behind = workloads.filter(o => Object.entries(service.spec.selector).every(([k, v]) =>
      k === 'role' || o.spec?.template?.metadata?.labels?.[k] === v));  // `role` is set by Patroni at run time
    if (!behind.length) fault(`Service/${service.metadata.name}`, 'selects no workload');
    for (const port of service.spec.ports ?? [])
      if (behind.length && typeof port.targetPort === 'string' &&
          !behind.some(o => o.spec.template.spec.containers.some(c => (c.ports ?? []).some(p => p.name === port.targetPort))))
        fault(`Service/${service.metadata.name}`, `targetPort ${port.targetPort} names no container port`);
  }
  for (const budget of objects.filter(o => o.kind === 'PodDisruptionBudget')) {
    const wanted = Object.entries(budget.spec?.selector?.matchLabels ?? {});
    const target = workloads.find(o => wanted.every(([k, v]) => o.spec?.template?.metadata?.labels?.[k] === v));
    if (!target) fault(`PodDisruptionBudget/${budget.metadata?.name}`, 'selects no workload');
    else if ((target.spec.replicas ?? 1) < 2) fault(`PodDisruptionBudget/${budget.metadata?.name}`, 'guards a single replica: a drain could never finish');
  }
}

/// Reads one file; returns how many objects it held, its faults are in `faults`.
function check(file) {
  where = path.basename(file);
  const objects = [];
  try {
    yaml.loadAll(readFileSync(file, 'utf8'), document => { if (document) objects.push(document); });
  } catch (error) { fault('yaml', error.message.split('\n')[0]); }
  for (const object of objects) {
    const at = `${object.kind}/${object.metadata?.name}`, model = model_of(object);
    if (model) walk(object, model, '', at);
    else fault(at, `no schema for ${object.apiVersion} ${object.kind}`);
  }
  cross_check(objects);
  return objects.length;
}

let count = 0, failed = 0;
const refused = process.argv[2] === '--refused';
for (const file of process.argv.slice(refused ? 3 : 2)) {
  faults.length = 0;
  const objects = check(file);
  count += objects;
  if (!objects) fault('file', 'holds no object');
  if (!refused) {
    faults.forEach(line => console.log(line));
    failed += faults.length;
    continue;
  }
  const wanted = /^# expect: (.*)$/m.exec(readFileSync(file, 'utf8'))?.[1];
  if (wanted && faults.some(line => line.includes(wanted))) continue;
  failed++;
  console.log(`${where}: ${faults.length ? `refused, but not for '${wanted}':` : 'accepted, but it must be refused'}`);
  faults.forEach(line => console.log('  ' + line));
}
console.log(`${count} objects read, ${failed} faults`);
process.exit(failed || !count ? 1 : 0);
