/** Ordinary sign-ins of one application that acts by itself: scheduled jobs that fetch a token whenever the last has run out. */
import { purposeKey, RandomStream, Weights } from '../../src/base/random.ts';
import type { ResourceKey } from '../applications.ts';
import { PRINCIPALS } from '../assumptions.ts';
import type { PrincipalSignInRows } from '../principal-rows.ts';
import { isHosting } from '../risk.ts';
import { PUBLISH_SECONDS } from '../row-kernel/index.ts';
import { MS_PER_MINUTE, type Span } from '../rows.ts';
import { hostingPlace, type ServicePrincipal, type Tenant } from '../tenant.ts';

const PRINCIPAL_STREAM = purposeKey('background/principal');
const INTERVAL_WEIGHTS = new Weights(PRINCIPALS.intervalWeights);
const WANTED: readonly ResourceKey[] = ['Graph', 'Arm', 'Exchange', 'SharePoint'];

/** Writes the principal's rows; {@link PrincipalSignInRows.begin} has been called for it. */
export function writePrincipalSignIns(
  tenant: Tenant,
  span: Span,
  principal: ServicePrincipal,
  rows: PrincipalSignInRows,
): void {
  const random = new RandomStream(tenant.seed, PRINCIPAL_STREAM, principal.ordinal);
  const resources = WANTED.slice(0, 1 + random.below(PRINCIPALS.resources)).map((resource) =>
    rows.resourceCode(resource),
  );
  const everyMinutes = PRINCIPALS.intervalMinutes[random.weighted(INTERVAL_WEIGHTS)]!;
  const home = rows.placeCode(principal.managed ? undefined : principal.place);
  const serverless = !principal.managed && isHosting(principal.place) && random.chance(PRINCIPALS.serverlessShare);
  const success = rows.outcomeCode('0');
  const failure = rows.outcomeCode('7000222');
  // An expired secret fails for good until somebody renews it.
  const expiresMs =
    random.chance(PRINCIPALS.expiringShare) && !principal.managed
      ? random.unit() * span.durationMs
      : Number.POSITIVE_INFINITY;
  for (
    let at = -random.unit() * everyMinutes * MS_PER_MINUTE;
    at < span.durationMs;
    at += everyMinutes * random.within(PRINCIPALS.jitter) * MS_PER_MINUTE
  ) {
    const lag = PUBLISH_SECONDS.draw(random);
    const place = serverless ? rows.placeCode(hostingPlace(random)) : home;
    for (const resource of resources) {
      rows.add(
        at + random.within(PRINCIPALS.spreadMs),
        lag,
        resource,
        place,
        at > expiresMs ? failure : success,
        random,
      );
    }
  }
}
