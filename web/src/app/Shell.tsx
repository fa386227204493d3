import { ActionIcon, Indicator, Menu, SegmentedControl, Text, Tooltip, useMantineColorScheme } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import {
  IconAdjustments,
  IconChecklist,
  IconKeyboard,
  IconListDetails,
  IconLanguage,
  IconPlugConnected,
  IconPlugConnectedX,
  IconStack3,
  IconSun,
  IconUpload,
  IconUsers,
} from '@tabler/icons-react';
import { useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, NavLink, Outlet, ScrollRestoration, useLocation } from 'react-router';

import { useConnection } from '@/api/events';
import { useUploads } from '@/features/upload';
import { preloadViewer } from '@/features/viewer';
import { changeLanguage, type Language } from '@/i18n/i18n';
import { ShortcutHelp } from '@/features/help';
import { useShortcuts } from '@/shortcuts/use-shortcuts';

import { ConnectionBanner } from './ConnectionBanner';
import classes from './shell.module.css';

const PLACES = [
  { to: '/', key: 'worklist', PlaceIcon: IconListDetails },
  { to: '/patients', key: 'patients', PlaceIcon: IconUsers },
  { to: '/upload', key: 'upload', PlaceIcon: IconUpload },
  { to: '/mass-run', key: 'massRun', PlaceIcon: IconStack3 },
  { to: '/settings', key: 'settings', PlaceIcon: IconAdjustments },
] as const;

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

function LanguageMenu() {
  const { t, i18n } = useTranslation();
  return (
    <Menu position="bottom-end" shadow="md">
      <Menu.Target>
        <Tooltip label={t('app.language')}>
          <ActionIcon variant="subtle" color="gray" size="lg" aria-label={t('app.language')}>
            <IconLanguage size={20} />
          </ActionIcon>
        </Tooltip>
      </Menu.Target>
      <Menu.Dropdown>
        {(
          [
            ['ru', 'Русский'],
            ['en', 'English'],
          ] as [Language, string][]
        ).map(([language, name]) => (
          <Menu.Item
            key={language}
            lang={language}
            fw={i18n.language === language ? 700 : 400}
            leftSection={i18n.language === language ? <IconChecklist size={16} /> : <span className={classes.noMark} />}
            onClick={() => changeLanguage(language)}
          >
            {name}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

function SchemeMenu() {
  const { t } = useTranslation();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  return (
    <Menu position="bottom-end" shadow="md">
      <Menu.Target>
        <Tooltip label={t('app.scheme')}>
          <ActionIcon variant="subtle" color="gray" size="lg" aria-label={t('app.scheme')}>
            <IconSun size={20} />
          </ActionIcon>
        </Tooltip>
      </Menu.Target>
      <Menu.Dropdown p="xs">
        <SegmentedControl
          orientation="vertical"
          aria-label={t('app.scheme')}
          value={colorScheme}
          data={[
            { value: 'light', label: t('app.schemeLight') },
            { value: 'dark', label: t('app.schemeDark') },
            { value: 'auto', label: t('app.schemeAuto') },
          ]}
          onChange={(value) => setColorScheme(value as 'light' | 'dark' | 'auto')}
        />
      </Menu.Dropdown>
    </Menu>
  );
}

/** Header, page, footer. */
export function Shell() {
  const { t } = useTranslation();
  const { pathname } = useLocation();
  const [helpOpen, help] = useDisclosure(false);
  const uploads = useUploads();
  const running = uploads.filter(({ phase }) => phase === 'sending' || phase === 'packing' || phase === 'waiting').length;
  const inViewer = pathname.startsWith('/studies/');

  useShortcuts({ 'app.help': help.open });

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
    // The viewer's chunk comes once the first page stands.
    const timer = window.setTimeout(preloadViewer, 1_500);
    return () => window.clearTimeout(timer);
  }, []);

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
          {PLACES.map(({ to, key, PlaceIcon }) => (
            <NavLink key={to} to={to} end={to === '/'} className={classes.place} title={t(`app.${key}`)}>
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
          ))}
        </nav>
        <div className={classes.corner}>
          <ConnectionMark />
          <LanguageMenu />
          {!inViewer && <SchemeMenu />}
          <Tooltip label={`${t('app.help')} (?)`}>
            <ActionIcon variant="subtle" color="gray" size="lg" aria-label={t('app.help')} onClick={help.open}>
              <IconKeyboard size={20} />
            </ActionIcon>
          </Tooltip>
        </div>
      </header>
      <ConnectionBanner />
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
