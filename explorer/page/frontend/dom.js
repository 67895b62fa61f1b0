export function create(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

// Sets the children of an element. Existing children are left in place: moving one would drop its focus
export function put(parent, children) {
  for (const child of [...parent.children]) if (!children.includes(child)) child.remove();
  children.forEach((child, place) => {
    const next = parent.children[place];
    if (next !== child) parent.insertBefore(child, next ?? null);
  });
}

export const controlValue = (control) => (control.type === "checkbox" ? control.checked : control.value);

export function setValue(control, value) {
  if (control.type === "checkbox") control.checked = value;
  else if (control.value !== value) control.value = value;
}

// Arrow keys open a closed list instead of changing its value: each value passed would be an edit
export function openList(control, key) {
  if (control.type !== "select-one" || !["ArrowUp", "ArrowDown"].includes(key) || !control.showPicker) return false;
  control.showPicker();
  return true;
}
