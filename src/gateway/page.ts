export function renderPage(): string {
  return '';
}
