/**
 * The import rules of the house. Each folder has the list of what it may import; what is not listed is forbidden.
 * Type imports count too, unless the entry says that only types may cross.
 */

/** Packages and Node modules that know the outside: no business of the pure folders. */
const OUTSIDE = ['npm', 'npm-dev', 'npm-optional', 'npm-peer', 'npm-no-pkg', 'npm-unknown', 'core'];

/** Files in `from` may import of ours only what matches one of `to`. */
function only(name, from, to, comment) {
  return {
    name,
    comment,
    severity: 'error',
    from: { path: from },
    to: { pathNot: [...to, 'node_modules', '^dist/'], dependencyTypesNot: OUTSIDE },
  };
}

/** Files in `from` import neither packages nor Node modules, but for the packages that `except` matches. */
function pure(name, from, except = []) {
  return {
    name,
    comment: 'the inner folders know no package and no Node module',
    severity: 'error',
    from: { path: from },
    to: { dependencyTypes: OUTSIDE, pathNot: except.map((packageName) => `node_modules/${packageName}/`) },
  };
}

/** What `from` takes from `to` must be types alone. */
function typesOnly(name, from, to) {
  return {
    name,
    comment: 'only types cross here',
    severity: 'error',
    from: { path: from },
    to: { path: to, dependencyTypesNot: ['type-only'] },
  };
}

const DOMAIN = '^gateway/domain/';
const POOL = '^gateway/pool/';
const ACCESS = '^gateway/access/';
const PORTS = '^gateway/ports/';
const REPORTS = '^gateway/reports/';
const CATALOGUE = '^gateway/catalogue/';
const SHELL = '^gateway/shell/';
const HTTP = '^gateway/http/';
const ASSETS = '^gateway/http/dashboard/assets/';
const TELEMETRY = '^gateway/telemetry/';
const CONFIG = '^gateway/(config|machine|otelEnvironment)\\.ts$';
const ENCRYPTION = '^gateway/encryption/';
const RUNNER = '^runner/';
const PROTOCOL = '^runner/protocol/';
const STAGER = '^stager/';
const STAGER_PROTOCOL = '^stager/protocol/';
const FETCHER = '^fetcher/';
const FETCHER_PROTOCOL = '^fetcher/protocol/';
/** What every child process of the gateway has: lines of JSON on a pipe, and how it dies. */
const CHILD = '^runner/(protocol/(jsonPipe|lines)|process/lastWords)\\.ts$';
const NATIVE = '^native/';
const SOURCES = '^sources/';
const DB = '^db/';

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'a cycle is one module in two files',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-unresolved',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true, pathNot: '\\.node$|^\\.\\./dist/|/dist/|^\\./uplot\\.js$' },
    },
    {
      name: 'nothing-imports-test',
      comment: 'benchmarks ship nothing either: they may build their scenes as the tests do',
      severity: 'error',
      from: { pathNot: '^(test|bench)/' },
      to: { path: '^test/' },
    },
    {
      name: 'no-dev-dependencies',
      comment: 'what runs in production is installed in production',
      severity: 'error',
      from: { path: '^(gateway|runner|stager|fetcher|native|sources|db|cli)/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'only-composition-names-everything',
      comment: 'compose.ts and main.ts are the outermost',
      severity: 'error',
      from: {
        path: '^(gateway|runner|stager|fetcher|native|sources|db)/',
        pathNot: '^gateway/(compose|main)\\.ts$|^gateway/compose/',
      },
      to: { path: '^gateway/(compose|main)\\.ts$|^gateway/compose/' },
    },

    only('domain', DOMAIN, [DOMAIN], 'domain imports nothing'),
    pure('domain-is-pure', DOMAIN),
    only('pool', POOL, [POOL, DOMAIN], 'pool imports domain'),
    pure('pool-is-pure', POOL),
    only('access', ACCESS, [ACCESS, DOMAIN], 'what an API key may do imports domain'),
    pure('access-is-pure', ACCESS),
    only('ports', PORTS, [PORTS, DOMAIN, POOL], 'ports import domain, and types of pool'),
    pure('ports-are-pure', PORTS),
    typesOnly('ports-use-pool-types', PORTS, POOL),
    only('reports', REPORTS, [REPORTS, DOMAIN, POOL], 'reports import domain and pool'),
    // Of its functions one alone is used: rows to text.
    pure('reports-are-pure', REPORTS, ['csv-stringify']),
    only(
      'catalogue',
      CATALOGUE,
      [CATALOGUE, DOMAIN, PORTS, SOURCES],
      'catalogue imports domain and ports, and reads headers through sources',
    ),
    only('encryption', ENCRYPTION, [ENCRYPTION, DOMAIN], 'encryption imports domain'),
    only(
      'shell',
      SHELL,
      [SHELL, PORTS, POOL, ACCESS, DOMAIN, PROTOCOL, STAGER_PROTOCOL, FETCHER_PROTOCOL],
      'shell imports ports, pool, access, domain, and the protocols of the children',
    ),
    only(
      'http',
      `${HTTP}(?!dashboard/assets/)`,
      [HTTP, SHELL, REPORTS, PORTS, ACCESS, DOMAIN, CATALOGUE],
      'http imports use cases of shell and catalogue, reports, ports, access, domain',
    ),
    only(
      'dashboard-pages',
      '^gateway/http/dashboard/(pages|figures)/',
      [
        '^gateway/http/dashboard/(pages|figures)/',
        '^gateway/http/dashboard/data\\.ts$',
        DOMAIN,
        PORTS,
        SHELL,
      ],
      'pages show what they are given and know no route, session or request',
    ),
    typesOnly('dashboard-pages-use-types', '^gateway/http/dashboard/(pages|figures)/', `${PORTS}|${SHELL}`),
    // The gateway serves uPlot's file as ./uplot.js (compose/dashboard.ts).
    only(
      'dashboard-assets',
      ASSETS,
      [ASSETS, '^\\./uplot\\.js$'],
      'what browsers load imports itself and uPlot',
    ),
    only(
      'telemetry',
      TELEMETRY,
      [TELEMETRY, PORTS, DOMAIN, POOL],
      'telemetry imports ports, domain, types of pool',
    ),
    typesOnly('telemetry-uses-pool-types', TELEMETRY, POOL),
    only('config', CONFIG, [CONFIG, DOMAIN, CATALOGUE], 'config imports domain and catalogue'),
    only('db', DB, [DB, PORTS, DOMAIN, REPORTS, POOL], 'db imports ports, domain, reports, types of pool'),
    typesOnly('db-uses-pool-types', DB, POOL),
    only('runner', RUNNER, [RUNNER, NATIVE], 'runner imports runner and the native face'),
    only('runner-protocol', PROTOCOL, [PROTOCOL], 'the protocol is shared with the gateway and knows no one'),
    only(
      'stager',
      STAGER,
      [STAGER, NATIVE, CHILD],
      'stager imports stager, the native face, and what children share',
    ),
    only(
      'stager-protocol',
      STAGER_PROTOCOL,
      [STAGER_PROTOCOL],
      'the protocol is shared with the gateway and knows no one',
    ),
    only(
      'fetcher',
      FETCHER,
      [FETCHER, SOURCES, CHILD],
      'fetcher imports fetcher, sources, and what children share',
    ),
    only(
      'fetcher-protocol',
      FETCHER_PROTOCOL,
      [FETCHER_PROTOCOL, '^sources/errors\\.ts$'],
      'the protocol is shared with the gateway and knows only how a source fails',
    ),
    only(
      'sources',
      SOURCES,
      [SOURCES],
      'sources imports itself: the gateway reads headers and the fetcher files with it',
    ),
    only('native', NATIVE, [NATIVE], 'native imports itself'),
    // dist/ is not there before the first build.
    only(
      'cli',
      '^cli/[^/]+$',
      ['^cli/', '^scripts/', 'dist/weights\\.mjs$'],
      'the command line talks to the admin API',
    ),
    only(
      'cli-weights',
      '^cli/weights/',
      ['^cli/weights/', CONFIG, CATALOGUE, ENCRYPTION, NATIVE],
      'encrypting weights needs no gateway: keys by the configuration, and the native face',
    ),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(native/build|\\.cache|coverage)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'types', 'default'],
    },
  },
};
