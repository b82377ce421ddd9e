// Makes deploy/kubernetes/base/prometheusrule.yaml from the one rules file. A test keeps it current.
import { readFileSync, writeFileSync } from 'node:fs';
import { parse, stringify } from 'yaml';

const rules = parse(readFileSync('deploy/prometheus/rules.yml', 'utf8'));
const object = {
  apiVersion: 'monitoring.coreos.com/v1',
  kind: 'PrometheusRule',
  metadata: { name: 'prombatch' },
  spec: rules,
};
writeFileSync(
  'deploy/kubernetes/base/prometheusrule.yaml',
  `# Made from deploy/prometheus/rules.yml by scripts/prometheus-rule.mjs.\n${stringify(object, { aliasDuplicateObjects: false })}`,
);
