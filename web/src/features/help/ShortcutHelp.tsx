import { Kbd, Modal, Text, Title } from '@mantine/core';
import { useTranslation } from 'react-i18next';

import { SHORTCUT_GROUPS, SHORTCUTS, type ShortcutId } from '@/shortcuts/shortcuts';

import classes from './help.module.css';

const IDS = Object.keys(SHORTCUTS) as ShortcutId[];

/** Every key and what it does. */
export function ShortcutList() {
  const { t } = useTranslation();
  return (
    <>
      <div className={classes.groups}>
        {SHORTCUT_GROUPS.map((group) => (
          <section key={group} className={classes.group} data-group={group}>
            <Title order={3} size="h5" mb={6}>
              {t(`help.group.${group}`)}
            </Title>
            <dl>
              {IDS.filter((id) => SHORTCUTS[id].group === group).map((id) => (
                <div key={id}>
                  <dt>
                    <Kbd>{SHORTCUTS[id].shown}</Kbd>
                  </dt>
                  <dd>{t(`help.key.${id}`)}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
      <Text size="sm" c="var(--text-dim)" mt="md">
        {t('help.mouse')}
      </Text>
    </>
  );
}

export function ShortcutHelp({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      size="xl"
      title={<b>{t('help.title')}</b>}
      closeButtonProps={{ 'aria-label': t('common.close') }}
    >
      <ShortcutList />
    </Modal>
  );
}
