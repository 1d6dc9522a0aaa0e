/** The pages of the dashboard, for who goes through all of them: route and heading. */

export const dashboardPages = [
  ['overview', 'Overview'],
  ['objects', 'Objects'],
  ['objects?keys=s3://lake/images/', 'Objects'],
  ['objects?bucket=lake&object=images/1.jpg', 'Objects'],
  ['nodes', 'Nodes'],
  ['mounts', 'Mounts'],
  ['jobs', 'Jobs'],
  ['hot', 'Hot'],
  ['slow', 'Slow requests'],
  ['size', 'Cache size'],
  ['alerts', 'Alerts'],
  ['settings', 'Settings'],
  ['logs', 'Logs'],
] as const;
