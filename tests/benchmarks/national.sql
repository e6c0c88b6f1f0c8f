INSERT INTO service_places (provider_id, name, cell_code, specialty_code, mobility, setting, address, status, version)
VALUES (:provider, 'Mammobusy', '001', '7940', 'mobile', NULL, 'Łódź', 'active', 1),
    (:provider, 'Cytobusy', '002', '1450', 'mobile', 'POZ', 'Łódź', 'active', 1);
INSERT INTO contracts (provider_id, number, nfz_branch, valid_from, valid_to, version)
VALUES (:provider, '05/POMIAR', '05', '2026-01-01', '2035-12-31', 1);
INSERT INTO contract_ranges (contract_id, product_code, quantity_limit)
SELECT id, unnest(ARRAY['10.7940.159.02', '01.0034.101.01', '01.0034.102.01']), 10000000
FROM contracts WHERE provider_id = :provider;
INSERT INTO mobile_units (provider_id, code, name, base_latitude, base_longitude, weekdays, opens, closes,
    setup_minutes, home_rule, voivodeships, needs, active, version)
SELECT :provider, 'U' || lpad(CAST(number AS text), 4, '0'), 'Jednostka ' || number, 52, 19, '{1,2,3,4,5}', '08:00', '16:00',
    0, 'stays_out', '{}', '{}', true, 1
FROM generate_series(0, :units - 1) AS number;
INSERT INTO itineraries (provider_id, name, first_day, last_day, status, planning, version)
VALUES (:provider, 'Pomiar', :first_day, CAST(:first_day AS date) + 90, 'published', '{}', 1);
CREATE TEMPORARY TABLE numbered_units ON COMMIT DROP AS
SELECT id AS unit_id, row_number() OVER (ORDER BY code) - 1 AS unit, (row_number() OVER (ORDER BY code) - 1) % 5 IN (1, 3) AS cyto
FROM mobile_units WHERE provider_id = :provider;
CREATE TEMPORARY TABLE numbered_sites ON COMMIT DROP AS
SELECT id AS site_id, row_number() OVER (ORDER BY id) - 1 AS site, count(*) OVER () AS sites
FROM sites WHERE provider_id = :provider;
CREATE TEMPORARY TABLE numbered_days ON COMMIT DROP AS
SELECT number AS day_number, number * 20 / 65 AS stop, CAST(:first_day AS date) + number / 5 * 7 + number % 5 AS day
FROM generate_series(0, 64) AS number;
INSERT INTO stops (itinerary_id, unit_id, site_id, first_day, last_day, women_planned, pinned)
SELECT itineraries.id, unit_id, site_id, min(day), max(day), 200, false
FROM itineraries, numbered_units, numbered_days JOIN numbered_sites ON true
WHERE provider_id = :provider AND site = (unit * 20 + stop) % sites
GROUP BY itineraries.id, unit_id, site_id, stop;
INSERT INTO stop_days (stop_id, itinerary_id, itinerary_status, unit_id, day, opens_at, closes_at)
SELECT stops.id, itinerary_id, 'published', stops.unit_id, day, (day + time '08:00') AT TIME ZONE 'Europe/Warsaw',
    (day + time '16:00') AT TIME ZONE 'Europe/Warsaw'
FROM stops JOIN numbered_units USING (unit_id) JOIN numbered_days ON day BETWEEN first_day AND last_day;
INSERT INTO mobile_points (uuid, provider_id, service_place_id, stop_id, name, valid_from, valid_to)
SELECT gen_random_uuid(), :provider, service_places.id, stops.id, 'Postój', first_day, last_day
FROM stops JOIN numbered_units USING (unit_id)
JOIN service_places ON provider_id = :provider AND (cell_code = '002') = cyto;
INSERT INTO schedules (uuid, provider_id, service_place_id, place_mobility, mobile, mobile_point_id, contract_range_id,
    programme, path, valid_from, valid_to, women_planned)
SELECT gen_random_uuid(), :provider, mobile_points.service_place_id, 'mobile', true, mobile_points.id,
    contract_ranges.id, CASE WHEN path = 'mammography' THEN 'breast' ELSE 'cervical' END, path,
    mobile_points.valid_from, mobile_points.valid_to, 200
FROM mobile_points JOIN service_places ON service_places.id = mobile_points.service_place_id
JOIN (VALUES ('001', '10.7940.159.02', 'mammography'), ('002', '01.0034.101.01', 'classic_cytology'),
    ('002', '01.0034.102.01', 'hpv_lbc')) AS paths (cell_code, product_code, path) USING (cell_code)
JOIN contracts ON contracts.provider_id = :provider
JOIN contract_ranges ON contract_id = contracts.id AND contract_ranges.product_code = paths.product_code
WHERE mobile_points.provider_id = :provider;
INSERT INTO schedule_hours (schedule_id, starts_at, ends_at)
SELECT schedules.id, (day + time '08:00') AT TIME ZONE 'Europe/Warsaw', (day + time '16:00') AT TIME ZONE 'Europe/Warsaw'
FROM schedules JOIN numbered_days ON day BETWEEN valid_from AND valid_to WHERE provider_id = :provider;
CREATE TEMPORARY TABLE new_slots ON COMMIT DROP AS
SELECT schedules.id AS schedule_id, schedules.service_place_id, day_number,
    (day + time '08:00') AT TIME ZONE 'Europe/Warsaw' + number * interval '6 minutes' AS starts_at,
    (unit * 65 + day_number) * :per_day + number AS slot
FROM schedules JOIN mobile_points ON mobile_points.id = mobile_point_id JOIN stops ON stops.id = stop_id
JOIN numbered_units USING (unit_id) JOIN numbered_days ON day BETWEEN schedules.valid_from AND schedules.valid_to
CROSS JOIN generate_series(0, :per_day - 1) AS number
WHERE schedules.provider_id = :provider AND (NOT cyto OR (number % 2 = 0) = (path = 'hpv_lbc'))
    AND (unit * 65 + day_number) * :per_day + number < :slots;
CREATE TEMPORARY TABLE booked ON COMMIT DROP AS
SELECT slot, row_number() OVER () AS woman
FROM (SELECT slot FROM new_slots ORDER BY day_number / 65.0 + (hashint4(CAST(slot AS int)) & 1023) / 1024.0, slot LIMIT :visits)
    AS wanted;
INSERT INTO slots (uuid, schedule_id, service_place_id, place_mobility, mobile, starts_at, ends_at, capacity, taken,
    extra, status, kept_for_waiting, fits)
SELECT gen_random_uuid(), schedule_id, service_place_id, 'mobile', true, starts_at, starts_at + interval '6 minutes',
    1, CASE WHEN woman IS NULL THEN 0 ELSE 1 END, 0, 'open', false, true
FROM new_slots LEFT JOIN booked USING (slot) ORDER BY schedule_id, starts_at;
INSERT INTO women (provider_id, identity_kind, identity_number, identity_hash, given_name, family_name, birth_date,
    declaration, language, version)
SELECT :provider, 'pesel', :secret, CAST(md5(:provider || '-' || number) AS bytea), :secret, :secret, :secret,
    :nothing, 'pl', 1
FROM generate_series(1, :visits) AS number;
CREATE TEMPORARY TABLE numbered_women ON COMMIT DROP AS
SELECT id AS woman_id, row_number() OVER (ORDER BY id) AS woman FROM women WHERE provider_id = :provider;
INSERT INTO visits (uuid, provider_id, woman_id, slot_id, programme, path, contract_range_id, status, urgent, channel,
    overbooked, source, version)
SELECT gen_random_uuid(), :provider, woman_id, slots.id, programme, path, contract_range_id, 'booked', false, 'desk',
    false, 'provider', 1
FROM booked JOIN new_slots USING (slot) JOIN slots USING (schedule_id, starts_at)
JOIN schedules ON schedules.id = slots.schedule_id JOIN numbered_women USING (woman);
INSERT INTO visit_changes (visit_id, from_status, to_status)
SELECT id, NULL, 'booked' FROM visits WHERE provider_id = :provider
