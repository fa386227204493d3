import { ActionIcon, Indicator, Text, Tooltip } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import {
  IconActivityHeartbeat,
  IconChartHistogram,
  IconAdjustments,
  IconKeyboard,
  IconListDetails,
  IconPlugConnected,
  IconPlugConnectedX,
  IconSend,
  IconStack3,
  IconShieldLock,
  IconUpload,
  IconUsers,
  type Icon,
} from '@tabler/icons-react';
import { useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, NavLink, Outlet, ScrollRestoration, useLocation } from 'react-router';

import { useConnection, useLiveUpdates } from '@/api/events';
import { useUploads } from '@/features/upload';
import { preloadViewer } from '@/features/viewer';
import { ShortcutHelp } from '@/features/help';
import { AccountMenu } from '@/features/sign-in';
import { toggleIdentity } from '@/privacy/hidden-identity';
import { useSession } from '@/session/session-context';
import { useShortcuts } from '@/shortcuts/use-shortcuts';

import { ConnectionBanner } from './ConnectionBanner';
import { isMinor, mayEnter, PATHS, PLACES, type Place } from './places';
import { preloadStudyPage } from './routes/study-route';
import classes from './shell.module.css';
import { LanguageMenu, SchemeMenu } from './ShellMenus';

const ICONS: Record<Place, Icon> = {
  worklist: IconListDetails,
  patients: IconUsers,
  upload: IconUpload,
  massRun: IconStack3,
  operation: IconActivityHeartbeat,
  site: IconChartHistogram,
  deliveries: IconSend,
  administration: IconShieldLock,
  settings: IconAdjustments,
};

const PRELOAD_AFTER_MS = 1_000;

function LiveUpdates() {
  useLiveUpdates();
  return null;
}

function ConnectionMark() {
  const { t } = useTranslation();
  const connection = useConnection();
  const lost = connection === 'lost';
  const MarkIcon = lost ? IconPlugConnectedX : IconPlugConnected;
  return (
    <Tooltip label={t(`connection.${connection}`)}>
      <span className={classes.connection} data-connection={connection} role="status" aria-label={t(`connection.${connection}`)}>
        <MarkIcon size={18} aria-hidden />
      </span>
    </Tooltip>
  );
}

/** Header, page, footer. */
export function Shell() {
  const { t } = useTranslation();
  const { pathname } = useLocation();
  const session = useSession();
  const reads = mayEnter(session, 'worklist');
  const [helpOpen, help] = useDisclosure(false);
  const uploads = useUploads();
  const running = uploads.filter(({ phase }) => phase === 'sending' || phase === 'packing' || phase === 'waiting').length;
  const inViewer = pathname.startsWith('/studies/');

  useShortcuts(inViewer ? { 'app.help': help.open } : { 'app.help': help.open, 'viewer.banner': toggleIdentity });

  const main = useRef<HTMLElement>(null);
  const shownPath = useRef(pathname);
  useEffect(() => {
    if (shownPath.current !== pathname) {
      shownPath.current = pathname;
      // A new page takes the focus: else Enter would follow the link once more, and a screen reader stay where it was.
      main.current?.focus({ preventScroll: true });
    }
  }, [pathname]);

  useEffect(() => {
    // What a study needs comes once the first page stands.
    const preload = (): void => {
      preloadStudyPage();
      preloadViewer();
    };
    const timer = reads ? window.setTimeout(preload, PRELOAD_AFTER_MS) : undefined;
    return () => window.clearTimeout(timer);
  }, [reads]);

  return (
    <div className={classes.shell} data-viewer={inViewer}>
      <a className={classes.skip} href="#content">
        {t('app.skip')}
      </a>
      <header className={classes.header}>
        <Link to="/" className={classes.brand} aria-label={t('app.name')}>
          <img src="/icon.svg" width={28} height={28} alt="" />
          <span>{t('app.name')}</span>
        </Link>
        <nav className={classes.nav} aria-label={t('app.nav')}>
          {PLACES.filter((place) => mayEnter(session, place)).map((key) => {
            const to = PATHS[key];
            const PlaceIcon = ICONS[key];
            return (
              <NavLink key={to} to={to} end={to === '/'} className={classes.place} data-minor={isMinor(key)} title={t(`app.${key}`)}>
                <Indicator
                  disabled={key !== 'upload' || running === 0}
                  label={running}
                  size={16}
                  offset={2}
                  aria-label={key === 'upload' && running > 0 ? t('app.uploadsRunning', { count: running }) : undefined}
                >
                  <PlaceIcon size={18} aria-hidden />
                </Indicator>
                <span>{t(`app.${key}`)}</span>
              </NavLink>
            );
          })}
        </nav>
        <div className={classes.corner}>
          {reads && <ConnectionMark />}
          <LanguageMenu />
          {!inViewer && <SchemeMenu />}
          <Tooltip label={`${t('app.help')} (?)`}>
            <ActionIcon variant="subtle" color="gray" size="lg" aria-label={t('app.help')} onClick={help.open}>
              <IconKeyboard size={20} />
            </ActionIcon>
          </Tooltip>
          <AccountMenu />
        </div>
      </header>
      {reads && <LiveUpdates />}
      {reads && <ConnectionBanner />}
      <main ref={main} id="content" className={classes.main} tabIndex={-1}>
        <Outlet />
      </main>
      <footer className={classes.footer}>
        <Text size="xs" span>
          {t('app.research')}
        </Text>
      </footer>
      <ShortcutHelp opened={helpOpen} onClose={help.close} />
      <ScrollRestoration />
    </div>
  );
}
