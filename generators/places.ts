/**
 * Cities, the networks that serve them, and time zones. Networks are real autonomous systems with invented addresses in
 * plausible blocks. A zone is the offset from UTC that it has in June: datasets span days, so a change of clocks is never
 * inside one, and nothing depends on the machine's time zone data.
 */

/** Minutes east of UTC, in June. */
export const TIME_ZONES: Readonly<Record<string, number>> = {
  UTC: 0,
  'Europe/London': 60,
  'Europe/Dublin': 60,
  'Europe/Lisbon': 60,
  'Europe/Berlin': 120,
  'Europe/Paris': 120,
  'Europe/Madrid': 120,
  'Europe/Amsterdam': 120,
  'Europe/Zurich': 120,
  'Europe/Stockholm': 120,
  'Europe/Warsaw': 120,
  'Europe/Istanbul': 180,
  'Asia/Dubai': 240,
  'Asia/Kolkata': 330,
  'Asia/Singapore': 480,
  'Asia/Tokyo': 540,
  'Australia/Sydney': 600,
  'America/New_York': -240,
  'America/Toronto': -240,
  'America/Chicago': -300,
  'America/Denver': -360,
  'America/Los_Angeles': -420,
  'America/Sao_Paulo': -180,
  'Africa/Cairo': 180,
  'Africa/Casablanca': 60,
  'Africa/Johannesburg': 120,
  'Africa/Lagos': 60,
  'Africa/Nairobi': 180,
  'America/Anchorage': -480,
  'America/Argentina/Buenos_Aires': -180,
  'America/Bogota': -300,
  'America/Halifax': -180,
  'America/Lima': -300,
  'America/Mexico_City': -360,
  'America/Phoenix': -420,
  'America/Santiago': -240,
  'America/Vancouver': -420,
  'America/Winnipeg': -300,
  'Asia/Bangkok': 420,
  'Asia/Dhaka': 360,
  'Asia/Ho_Chi_Minh': 420,
  'Asia/Hong_Kong': 480,
  'Asia/Jakarta': 420,
  'Asia/Jerusalem': 180,
  'Asia/Karachi': 300,
  'Asia/Kathmandu': 345,
  'Asia/Kuala_Lumpur': 480,
  'Asia/Manila': 480,
  'Asia/Riyadh': 180,
  'Asia/Seoul': 540,
  'Asia/Shanghai': 480,
  'Asia/Taipei': 480,
  'Atlantic/Reykjavik': 0,
  'Australia/Adelaide': 570,
  'Australia/Brisbane': 600,
  'Australia/Melbourne': 600,
  'Australia/Perth': 480,
  'Europe/Athens': 180,
  'Europe/Belgrade': 120,
  'Europe/Brussels': 120,
  'Europe/Bucharest': 180,
  'Europe/Budapest': 120,
  'Europe/Copenhagen': 120,
  'Europe/Helsinki': 180,
  'Europe/Luxembourg': 120,
  'Europe/Oslo': 120,
  'Europe/Prague': 120,
  'Europe/Riga': 180,
  'Europe/Rome': 120,
  'Europe/Sofia': 180,
  'Europe/Tallinn': 180,
  'Europe/Vienna': 120,
  'Europe/Vilnius': 180,
  'Europe/Zagreb': 120,
  'Pacific/Auckland': 720,
  'Pacific/Honolulu': -600,
};

/** An autonomous system and the leading octets (or IPv6 groups) of its addresses. */
export interface Carrier {
  readonly asn: number;
  readonly prefix: string;
}

export interface City {
  readonly name: string;
  readonly state: string;
  readonly country: string;
  readonly latitude: number;
  readonly longitude: number;
  readonly zone: string;
  readonly home: Carrier;
  /** Prefix of IPv6 addresses, which change. */
  readonly mobile: Carrier;
}

function city(
  name: string,
  state: string,
  country: string,
  latitude: number,
  longitude: number,
  zone: string,
  home: readonly [number, string],
  mobile: readonly [number, string],
): City {
  return {
    name,
    state,
    country,
    latitude,
    longitude,
    zone,
    home: { asn: home[0], prefix: home[1] },
    mobile: { asn: mobile[0], prefix: mobile[1] },
  };
}

export const CITIES: readonly City[] = [
  city('Berlin', 'Berlin', 'DE', 52.52437, 13.41053, 'Europe/Berlin', [3320, '87.168'], [3320, '2003:c1']),
  city('Munich', 'Bayern', 'DE', 48.13743, 11.57549, 'Europe/Berlin', [3209, '178.8'], [3209, '2a02:3100']),
  city('Hannover', 'Niedersachsen', 'DE', 52.37052, 9.73322, 'Europe/Berlin', [6805, '77.186'], [6805, '2a02:3031']),
  city('London', 'England', 'GB', 51.50853, -0.12574, 'Europe/London', [5089, '82.19'], [12576, '2a01:4c8']),
  city('Manchester', 'England', 'GB', 53.48095, -2.23743, 'Europe/London', [2856, '86.148'], [25135, '2a00:23ee']),
  city('Dublin', 'Dublin', 'IE', 53.33306, -6.24889, 'Europe/Dublin', [6830, '89.100'], [15751, '2a02:8084']),
  city('Paris', 'Paris', 'FR', 48.85341, 2.3488, 'Europe/Paris', [3215, '90.63'], [3215, '2a01:cb08']),
  city('Madrid', 'Madrid', 'ES', 40.4165, -3.70256, 'Europe/Madrid', [3352, '83.44'], [12430, '2a0c:5a80']),
  city(
    'Amsterdam',
    'Noord-Holland',
    'NL',
    52.37403,
    4.88969,
    'Europe/Amsterdam',
    [33915, '84.104'],
    [1136, '2a02:a45f'],
  ),
  city('Zurich', 'Zurich', 'CH', 47.36667, 8.55, 'Europe/Zurich', [6730, '178.192'], [3303, '2a02:1210']),
  city(
    'Stockholm',
    'Stockholms lan',
    'SE',
    59.32938,
    18.06871,
    'Europe/Stockholm',
    [3301, '81.224'],
    [44034, '2a02:aa1'],
  ),
  city('Warsaw', 'Mazowieckie', 'PL', 52.22977, 21.01178, 'Europe/Warsaw', [5617, '83.25'], [8374, '2a00:f41']),
  city('New York', 'New York', 'US', 40.71427, -74.00597, 'America/New_York', [701, '108.30'], [6167, '2600:1017']),
  city(
    'Boston',
    'Massachusetts',
    'US',
    42.35843,
    -71.05977,
    'America/New_York',
    [7922, '73.142'],
    [21928, '2607:fb91'],
  ),
  city('Chicago', 'Illinois', 'US', 41.85003, -87.65005, 'America/Chicago', [7922, '98.212'], [21928, '2607:fb90']),
  city('Austin', 'Texas', 'US', 30.26715, -97.74306, 'America/Chicago', [7018, '70.112'], [20057, '2600:381']),
  city(
    'Seattle',
    'Washington',
    'US',
    47.60621,
    -122.33207,
    'America/Los_Angeles',
    [7922, '67.160'],
    [21928, '2607:fb92'],
  ),
  city('Toronto', 'Ontario', 'CA', 43.70011, -79.4163, 'America/Toronto', [812, '99.224'], [577, '2605:8d80']),
  city('Bengaluru', 'Karnataka', 'IN', 12.97194, 77.59369, 'Asia/Kolkata', [24560, '106.51'], [55836, '2409:4071']),
  city('Hyderabad', 'Telangana', 'IN', 17.38405, 78.45636, 'Asia/Kolkata', [24560, '122.171'], [55836, '2409:40f0']),
  city(
    'Singapore',
    'Central Singapore',
    'SG',
    1.28967,
    103.85007,
    'Asia/Singapore',
    [9506, '116.86'],
    [9506, '2406:3003'],
  ),
  city('Tokyo', 'Tokyo', 'JP', 35.6895, 139.69171, 'Asia/Tokyo', [4713, '153.142'], [9605, '2400:2410']),
  city(
    'Sydney',
    'New South Wales',
    'AU',
    -33.86785,
    151.20732,
    'Australia/Sydney',
    [1221, '101.160'],
    [1221, '2001:8003'],
  ),
  city(
    'Sao Paulo',
    'Sao Paulo',
    'BR',
    -23.5475,
    -46.63611,
    'America/Sao_Paulo',
    [27699, '177.102'],
    [26599, '2804:18'],
  ),
  city('Dubai', 'Dubai', 'AE', 25.07725, 55.30927, 'Asia/Dubai', [5384, '86.96'], [15802, '2001:8f8']),
];

export interface Hoster extends Carrier {
  readonly city: string;
}

/** Hosting and VPN networks. Commercial VPNs of honest people leave from them, and so do attackers. */
export const HOSTERS: readonly Hoster[] = [
  { asn: 9009, prefix: '146.70', city: 'London' },
  { asn: 9009, prefix: '185.156', city: 'Zurich' },
  { asn: 212238, prefix: '138.199', city: 'New York' },
  { asn: 60068, prefix: '89.187', city: 'Amsterdam' },
  { asn: 14061, prefix: '167.99', city: 'Amsterdam' },
  { asn: 20473, prefix: '45.77', city: 'Chicago' },
  { asn: 16276, prefix: '51.89', city: 'Paris' },
  { asn: 24940, prefix: '95.216', city: 'Hannover' },
  { asn: 9009, prefix: '37.120', city: 'Berlin' },
  { asn: 9009, prefix: '193.29', city: 'Madrid' },
  { asn: 212238, prefix: '156.146', city: 'Paris' },
  { asn: 212238, prefix: '185.183', city: 'London' },
  { asn: 60068, prefix: '195.181', city: 'Stockholm' },
  { asn: 14061, prefix: '159.65', city: 'New York' },
  { asn: 20473, prefix: '149.28', city: 'Singapore' },
  { asn: 16276, prefix: '51.77', city: 'Warsaw' },
];

export function cityNamed(name: string): City | undefined {
  return CITIES.find((candidate) => candidate.name === name);
}
