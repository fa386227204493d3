import { Button, Code, CopyButton, Group, SimpleGrid, Stack, Text, Title } from '@mantine/core';
import { useTranslation } from 'react-i18next';

/** Codes for a lost phone, shown once. */
export function RecoveryCodes({ codes, onKept }: { codes: string[]; onKept: () => void }) {
  const { t } = useTranslation();
  return (
    <Stack gap="sm" maw={600}>
      <Title order={2} size="h4">
        {t('secondFactor.codesTitle')}
      </Title>
      <Text size="sm">{t('secondFactor.codesDetail')}</Text>
      <SimpleGrid type="container" cols={{ base: 1, '480px': 2 }} spacing="xs" data-testid="recovery-codes">
        {codes.map((code) => (
          <Code key={code} fz="sm" ta="center">
            {code}
          </Code>
        ))}
      </SimpleGrid>
      <Group justify="flex-end">
        <CopyButton value={codes.join('\n')} timeout={2_000}>
          {({ copied, copy }) => (
            <Button variant="default" onClick={copy}>
              {t(copied ? 'common.copied' : 'common.copy')}
            </Button>
          )}
        </CopyButton>
        <Button onClick={onKept}>{t('secondFactor.kept')}</Button>
      </Group>
    </Stack>
  );
}
