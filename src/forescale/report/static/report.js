// Moves through rows that Python computed: the page itself calculates nothing.
const rows=JSON.parse(document.getElementById('plans').textContent);
const slider=document.getElementById('budget');
function show(){const r=rows[slider.value];
for(const k in r){const e=document.querySelector('[data-plan="'+k+'"]');if(e)e.textContent=r[k];}
slider.setAttribute('aria-valuetext',r.budget);}
if(slider){slider.addEventListener('input',show);show();}
